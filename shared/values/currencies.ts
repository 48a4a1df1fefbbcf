/**
 * The currencies of ISO 4217 with their decimals: a list of this repository's own, because `Intl` knows another one in every
 * runtime and version, neither the decimals that banks use nor when a currency ended, and Postgres has to know the same.
 *
 * decimals  the minor unit of ISO 4217. Units that have none there (metals, drawing rights) take the 4 that can be stored.
 *           XTS and XXX are no currencies
 * until     the last day on which it was tender anywhere, after Unicode CLDR's supplemental data (version 48). From then on
 *           it is history: read for ever, and written only in a record of a day up to that
 * since     the first day, of those that came from 1999 on. Nothing is refused by it: old books are restated in new money
 *
 * The same list for Postgres is printed by `postgres/schema/currencies-sql.ts`; a test compares it with the database's.
 */
export interface Currency {
  decimals: number;
  /** a day */
  since?: string;
  /** a day */
  until?: string;
}

const CURRENT: readonly (readonly [decimals: number, codes: string])[] = [
  [
    0,
    `
  BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF
`,
  ],
  [
    2,
    `
  AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
  CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL
  HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU
  MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR
  SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED
  VES WST XCD XCG YER ZAR ZMW ZWG
`,
  ],
  [
    3,
    `
  BHD IQD JOD KWD LYD OMR TND
`,
  ],
  [
    4,
    `
  CLF UYW XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XUA
`,
  ],
];

/** code:decimals:until */
const ENDED = `
  ADP:0:2001-12-31 AFA:2:2002-12-31 ALK:2:1965-08-16 ANG:2:2025-06-30 AOK:2:1991-03-01 AON:2:2000-02-01
  AOR:2:2000-02-01 ARA:2:1992-01-01 ARP:2:1985-06-14 ATS:2:2002-02-28 AZM:2:2006-12-31 BAD:2:1994-08-15
  BEC:2:1990-03-05 BEF:0:2002-02-28 BEL:2:1990-03-05 BGL:2:1999-07-05 BGN:2:2026-01-31 BOP:2:1986-12-31
  BRB:2:1986-02-28 BRC:2:1989-01-15 BRE:2:1993-08-01 BRN:2:1990-03-16 BRR:2:1994-07-01 BUK:2:1989-06-18
  BYB:2:2000-12-31 BYR:0:2017-01-01 CSD:2:2006-10-25 CSK:2:1993-03-01 CUC:2:2021-06-01 CYP:2:2008-01-31
  DDM:2:1990-10-02 DEM:2:2002-05-15 ECS:2:2000-10-02 ECV:2:2000-01-09 EEK:2:2010-12-31 ESA:2:1981-12-31
  ESB:2:1994-12-31 ESP:0:2002-02-28 FIM:2:2002-02-28 FRF:2:2002-02-17 GEK:2:1995-09-25 GHC:2:2007-12-31
  GNS:2:1986-01-06 GQE:2:1986-06-01 GRD:2:2002-02-28 GWE:2:1976-02-28 GWP:2:1997-03-31 HRD:2:1995-01-01
  HRK:2:2023-01-14 IEP:2:2002-02-09 ILP:2:1980-02-22 ISJ:2:1981-01-01 ITL:0:2002-02-28 LTL:2:2014-12-31
  LTT:2:1993-06-25 LUC:2:1990-03-05 LUF:0:2002-02-28 LUL:2:1990-03-05 LVL:2:2013-12-31 LVR:2:1993-10-17
  MGF:0:2004-12-31 MLF:2:1984-08-31 MRO:2:2018-06-30 MTL:2:2008-01-31 MTP:2:1968-06-07 MXP:2:1992-12-31
  MZE:2:1980-06-16 MZM:2:2006-12-31 NIC:2:1991-04-30 NLG:2:2002-02-28 PEI:2:1991-07-01 PES:2:1985-02-01
  PLZ:2:1994-12-31 PTE:0:2002-02-28 RHD:2:1980-04-18 ROL:2:2006-12-31 RUR:2:1998-12-31 SDD:2:2007-06-30
  SDP:2:1998-06-01 SIT:2:2007-01-14 SKK:2:2009-01-01 SLL:2:2023-12-31 SRG:2:2003-12-31 STD:2:2017-12-31
  SUR:2:1992-10-01 TJR:2:2000-10-25 TMM:2:2009-01-01 TPE:0:2002-05-20 TRL:0:2005-12-31 UAK:2:1993-10-17
  UGS:2:1987-05-15 USS:2:2014-03-01 UYP:2:1993-03-01 VEB:2:2008-06-30 VEF:2:2018-08-20 VNN:2:1985-09-14
  XEU:2:1998-12-31 XFO:2:2003-04-01 XFU:2:2013-11-30 XRE:2:1999-11-30 YDD:2:1996-01-01 YUD:2:1990-01-01
  YUM:2:2002-05-15 YUN:2:1992-07-24 ZAL:2:1995-03-13 ZMK:2:2013-01-01 ZRN:2:1998-07-31 ZRZ:2:1993-11-01
  ZWD:2:2008-08-01 ZWL:2:2024-08-31 ZWR:2:2009-02-02
`;

/** code:since */
const SINCE = `
  AFN:2002-10-07 AOA:1999-12-13 AZN:2006-01-01 BYN:2016-07-01 EUR:1999-01-01 GHS:2007-07-03
  MRU:2018-01-01 MZN:2006-07-01 RON:2005-07-01 RSD:2006-10-25 RUB:1999-01-01 SDG:2007-01-10
  SLE:2022-07-01 SRD:2004-01-01 SSP:2011-07-18 STN:2018-01-01 TJS:2000-10-26 TMT:2009-01-01
  TRY:2005-01-01 VED:2021-10-01 VES:2018-08-20 XCG:2025-03-31 ZMW:2013-01-01 ZWG:2024-06-25
`;

const words = (text: string): string[] => text.trim().split(/\s+/);

const since = new Map(words(SINCE).map((entry) => entry.split(":") as [string, string]));

/** By code, in alphabetical order. */
export const CURRENCIES: ReadonlyMap<string, Currency> = new Map(
  [
    ...CURRENT.flatMap(([decimals, codes]) =>
      words(codes).map((code): [string, Currency] => {
        const first = since.get(code);
        return [code, { decimals, ...(first !== undefined && { since: first }) }];
      }),
    ),
    ...words(ENDED).map((entry): [string, Currency] => {
      const [code = "", decimals, until = ""] = entry.split(":");
      return [code, { decimals: Number(decimals), until }];
    }),
  ].sort(([left], [right]) => (left < right ? -1 : 1)),
);

/** What most have, and what a currency that the list does not know (any more) is taken to have. */
const USUAL_DECIMALS = 2;

/** How many decimals an amount is shown with. */
export const decimalsOf = (code: unknown): number => CURRENCIES.get(String(code))?.decimals ?? USUAL_DECIMALS;

/** The last day of a currency that has ended. */
export const endOf = (code: string): string | undefined => CURRENCIES.get(code)?.until;
