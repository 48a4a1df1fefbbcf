-- What a value is, for the check constraints of every table: the rules that the API has, because whoever may write a table may
-- do so through Supabase's REST. Printed from shared/values by shared/postgres/schema/value-functions-sql.ts.

-- Trimmed of the white space that JavaScript trims, and either empty or with something in it that a reader sees.

create or replace function switchyard.is_text(value text, min_length int, max_length int) returns boolean
language sql immutable parallel safe set search_path = ''
return char_length(value) between min_length and max_length
    and value = btrim(value, E'\u0009\u000a\u000b\u000c\u000d\u0020\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff')
    and (value = '' or value ~ '[^\U00000009-\U0000000d\U00000020\U000000a0\U00001680\U00002000-\U0000200a\U00002028-\U00002029\U0000202f\U0000205f\U00003000\U0000feff\U00000001-\U0000001f\U0000007f-\U0000009f\U000000ad\U0000061c\U0000180b-\U0000180f\U0000200b-\U0000200f\U0000202a-\U0000202e\U00002060-\U0000206f\U0000fe00-\U0000fe0f\U0000fff0-\U0000fffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U00000300-\U0000036f\U00000483-\U00000489\U00001ab0-\U00001aff\U00001dc0-\U00001dff\U000020d0-\U000020ff\U00003099-\U0000309a\U0000fe20-\U0000fe2f\U0000115f-\U00001160\U000017b4-\U000017b5\U00002800\U00003164\U0000ffa0]');
select switchyard.seal_function('switchyard.is_text(text, int, int)', '{authenticated, service_role}');

-- An e-mail address, international ones too.

create or replace function switchyard.is_email(value text) returns boolean
language sql immutable parallel safe set search_path = ''
return value ~ '^[^\U00000022\U00000028-\U00000029\U0000002c\U0000002e\U0000003a-\U0000003c\U0000003e\U00000040\U0000005b-\U0000005d\U00000009-\U0000000d\U00000020\U000000a0\U00001680\U00002000-\U0000200a\U00002028-\U00002029\U0000202f\U0000205f\U00003000\U0000feff\U00000001-\U0000001f\U0000007f-\U0000009f\U000000ad\U0000061c\U0000180b-\U0000180f\U0000202a-\U0000202e\U00002060-\U0000206f\U0000fff0-\U0000fffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U00000080-\U000000a0\U0000200b\U0000200e-\U0000200f\U0000115f-\U00001160\U000017b4-\U000017b5\U00002800\U00003164\U0000ffa0]+(\.[^\U00000022\U00000028-\U00000029\U0000002c\U0000002e\U0000003a-\U0000003c\U0000003e\U00000040\U0000005b-\U0000005d\U00000009-\U0000000d\U00000020\U000000a0\U00001680\U00002000-\U0000200a\U00002028-\U00002029\U0000202f\U0000205f\U00003000\U0000feff\U00000001-\U0000001f\U0000007f-\U0000009f\U000000ad\U0000061c\U0000180b-\U0000180f\U0000202a-\U0000202e\U00002060-\U0000206f\U0000fff0-\U0000fffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U00000080-\U000000a0\U0000200b\U0000200e-\U0000200f\U0000115f-\U00001160\U000017b4-\U000017b5\U00002800\U00003164\U0000ffa0]+)*@([^\U00000001-\U0000002f\U0000003a-\U00000040\U0000005b-\U00000060\U0000007b-\U0000007f\U00000009-\U0000000d\U00000020\U000000a0\U00001680\U00002000-\U0000200a\U00002028-\U00002029\U0000202f\U0000205f\U00003000\U0000feff\U00000001-\U0000001f\U0000007f-\U0000009f\U000000ad\U0000061c\U0000180b-\U0000180f\U0000202a-\U0000202e\U00002060-\U0000206f\U0000fff0-\U0000fffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U00000080-\U000000a0\U0000200b\U0000200e-\U0000200f\U0000115f-\U00001160\U000017b4-\U000017b5\U00002800\U00003164\U0000ffa0]([^\U00000001-\U0000002c\U0000002e-\U0000002f\U0000003a-\U00000040\U0000005b-\U00000060\U0000007b-\U0000007f\U00000009-\U0000000d\U00000020\U000000a0\U00001680\U00002000-\U0000200a\U00002028-\U00002029\U0000202f\U0000205f\U00003000\U0000feff\U00000001-\U0000001f\U0000007f-\U0000009f\U000000ad\U0000061c\U0000180b-\U0000180f\U0000202a-\U0000202e\U00002060-\U0000206f\U0000fff0-\U0000fffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U00000080-\U000000a0\U0000200b\U0000200e-\U0000200f\U0000115f-\U00001160\U000017b4-\U000017b5\U00002800\U00003164\U0000ffa0]*[^\U00000001-\U0000002f\U0000003a-\U00000040\U0000005b-\U00000060\U0000007b-\U0000007f\U00000009-\U0000000d\U00000020\U000000a0\U00001680\U00002000-\U0000200a\U00002028-\U00002029\U0000202f\U0000205f\U00003000\U0000feff\U00000001-\U0000001f\U0000007f-\U0000009f\U000000ad\U0000061c\U0000180b-\U0000180f\U0000202a-\U0000202e\U00002060-\U0000206f\U0000fff0-\U0000fffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U00000080-\U000000a0\U0000200b\U0000200e-\U0000200f\U0000115f-\U00001160\U000017b4-\U000017b5\U00002800\U00003164\U0000ffa0])?\.)+[^\U00000001-\U00000040\U0000003a-\U00000040\U0000005b-\U00000060\U0000007b-\U0000007f\U00000009-\U0000000d\U00000020\U000000a0\U00001680\U00002000-\U0000200a\U00002028-\U00002029\U0000202f\U0000205f\U00003000\U0000feff\U00000001-\U0000001f\U0000007f-\U0000009f\U000000ad\U0000061c\U0000180b-\U0000180f\U0000202a-\U0000202e\U00002060-\U0000206f\U0000fff0-\U0000fffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U00000080-\U000000a0\U0000200b\U0000200e-\U0000200f\U0000115f-\U00001160\U000017b4-\U000017b5\U00002800\U00003164\U0000ffa0][^\U00000001-\U0000002c\U0000002e-\U0000002f\U0000003a-\U00000040\U0000005b-\U00000060\U0000007b-\U0000007f\U00000009-\U0000000d\U00000020\U000000a0\U00001680\U00002000-\U0000200a\U00002028-\U00002029\U0000202f\U0000205f\U00003000\U0000feff\U00000001-\U0000001f\U0000007f-\U0000009f\U000000ad\U0000061c\U0000180b-\U0000180f\U0000202a-\U0000202e\U00002060-\U0000206f\U0000fff0-\U0000fffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U00000080-\U000000a0\U0000200b\U0000200e-\U0000200f\U0000115f-\U00001160\U000017b4-\U000017b5\U00002800\U00003164\U0000ffa0]*[^\U00000001-\U0000002f\U0000003a-\U00000040\U0000005b-\U00000060\U0000007b-\U0000007f\U00000009-\U0000000d\U00000020\U000000a0\U00001680\U00002000-\U0000200a\U00002028-\U00002029\U0000202f\U0000205f\U00003000\U0000feff\U00000001-\U0000001f\U0000007f-\U0000009f\U000000ad\U0000061c\U0000180b-\U0000180f\U0000202a-\U0000202e\U00002060-\U0000206f\U0000fff0-\U0000fffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U00000080-\U000000a0\U0000200b\U0000200e-\U0000200f\U0000115f-\U00001160\U000017b4-\U000017b5\U00002800\U00003164\U0000ffa0]$';
select switchyard.seal_function('switchyard.is_email(text)', '{authenticated, service_role}');

-- Labels: one level of array, each a text that is not empty, none twice.

create or replace function switchyard.are_tags(tags text[], max_items int, max_length int) returns boolean
language sql immutable parallel safe set search_path = ''
return coalesce(array_ndims(tags), 1) = 1
    and cardinality(tags) <= max_items
    and not exists (
      select from unnest(tags) as t(tag) where t.tag is null or not switchyard.is_text(t.tag, 1, max_length)
    )
    and cardinality(tags) = (select count(distinct t.tag collate "C") from unnest(tags) as t(tag));
select switchyard.seal_function('switchyard.are_tags(text[], int, int)', '{authenticated, service_role}');

-- How many decimals an amount of that currency has; null for what is none.

create or replace function switchyard.currency_decimals(code text) returns int
language sql immutable parallel safe set search_path = ''
return ('{
    "ADP": 0, "AED": 2, "AFA": 2, "AFN": 2, "ALK": 2, "ALL": 2, "AMD": 2, "ANG": 2, "AOA": 2, "AOK": 2, "AON": 2,
    "AOR": 2, "ARA": 2, "ARP": 2, "ARS": 2, "ATS": 2, "AUD": 2, "AWG": 2, "AZM": 2, "AZN": 2, "BAD": 2, "BAM": 2,
    "BBD": 2, "BDT": 2, "BEC": 2, "BEF": 0, "BEL": 2, "BGL": 2, "BGN": 2, "BHD": 3, "BIF": 0, "BMD": 2, "BND": 2,
    "BOB": 2, "BOP": 2, "BOV": 2, "BRB": 2, "BRC": 2, "BRE": 2, "BRL": 2, "BRN": 2, "BRR": 2, "BSD": 2, "BTN": 2,
    "BUK": 2, "BWP": 2, "BYB": 2, "BYN": 2, "BYR": 0, "BZD": 2, "CAD": 2, "CDF": 2, "CHE": 2, "CHF": 2, "CHW": 2,
    "CLF": 4, "CLP": 0, "CNY": 2, "COP": 2, "COU": 2, "CRC": 2, "CSD": 2, "CSK": 2, "CUC": 2, "CUP": 2, "CVE": 2,
    "CYP": 2, "CZK": 2, "DDM": 2, "DEM": 2, "DJF": 0, "DKK": 2, "DOP": 2, "DZD": 2, "ECS": 2, "ECV": 2, "EEK": 2,
    "EGP": 2, "ERN": 2, "ESA": 2, "ESB": 2, "ESP": 0, "ETB": 2, "EUR": 2, "FIM": 2, "FJD": 2, "FKP": 2, "FRF": 2,
    "GBP": 2, "GEK": 2, "GEL": 2, "GHC": 2, "GHS": 2, "GIP": 2, "GMD": 2, "GNF": 0, "GNS": 2, "GQE": 2, "GRD": 2,
    "GTQ": 2, "GWE": 2, "GWP": 2, "GYD": 2, "HKD": 2, "HNL": 2, "HRD": 2, "HRK": 2, "HTG": 2, "HUF": 2, "IDR": 2,
    "IEP": 2, "ILP": 2, "ILS": 2, "INR": 2, "IQD": 3, "IRR": 2, "ISJ": 2, "ISK": 0, "ITL": 0, "JMD": 2, "JOD": 3,
    "JPY": 0, "KES": 2, "KGS": 2, "KHR": 2, "KMF": 0, "KPW": 2, "KRW": 0, "KWD": 3, "KYD": 2, "KZT": 2, "LAK": 2,
    "LBP": 2, "LKR": 2, "LRD": 2, "LSL": 2, "LTL": 2, "LTT": 2, "LUC": 2, "LUF": 0, "LUL": 2, "LVL": 2, "LVR": 2,
    "LYD": 3, "MAD": 2, "MDL": 2, "MGA": 2, "MGF": 0, "MKD": 2, "MLF": 2, "MMK": 2, "MNT": 2, "MOP": 2, "MRO": 2,
    "MRU": 2, "MTL": 2, "MTP": 2, "MUR": 2, "MVR": 2, "MWK": 2, "MXN": 2, "MXP": 2, "MXV": 2, "MYR": 2, "MZE": 2,
    "MZM": 2, "MZN": 2, "NAD": 2, "NGN": 2, "NIC": 2, "NIO": 2, "NLG": 2, "NOK": 2, "NPR": 2, "NZD": 2, "OMR": 3,
    "PAB": 2, "PEI": 2, "PEN": 2, "PES": 2, "PGK": 2, "PHP": 2, "PKR": 2, "PLN": 2, "PLZ": 2, "PTE": 0, "PYG": 0,
    "QAR": 2, "RHD": 2, "ROL": 2, "RON": 2, "RSD": 2, "RUB": 2, "RUR": 2, "RWF": 0, "SAR": 2, "SBD": 2, "SCR": 2,
    "SDD": 2, "SDG": 2, "SDP": 2, "SEK": 2, "SGD": 2, "SHP": 2, "SIT": 2, "SKK": 2, "SLE": 2, "SLL": 2, "SOS": 2,
    "SRD": 2, "SRG": 2, "SSP": 2, "STD": 2, "STN": 2, "SUR": 2, "SVC": 2, "SYP": 2, "SZL": 2, "THB": 2, "TJR": 2,
    "TJS": 2, "TMM": 2, "TMT": 2, "TND": 3, "TOP": 2, "TPE": 0, "TRL": 0, "TRY": 2, "TTD": 2, "TWD": 2, "TZS": 2,
    "UAH": 2, "UAK": 2, "UGS": 2, "UGX": 0, "USD": 2, "USN": 2, "USS": 2, "UYI": 0, "UYP": 2, "UYU": 2, "UYW": 4,
    "UZS": 2, "VEB": 2, "VED": 2, "VEF": 2, "VES": 2, "VND": 0, "VNN": 2, "VUV": 0, "WST": 2, "XAF": 0, "XAG": 4,
    "XAU": 4, "XBA": 4, "XBB": 4, "XBC": 4, "XBD": 4, "XCD": 2, "XCG": 2, "XDR": 4, "XEU": 2, "XFO": 2, "XFU": 2,
    "XOF": 0, "XPD": 4, "XPF": 0, "XPT": 4, "XRE": 2, "XSU": 4, "XUA": 4, "YDD": 2, "YER": 2, "YUD": 2, "YUM": 2,
    "YUN": 2, "ZAL": 2, "ZAR": 2, "ZMK": 2, "ZMW": 2, "ZRN": 2, "ZRZ": 2, "ZWD": 2, "ZWG": 2, "ZWL": 2, "ZWR": 2
  }'::jsonb ->> code)::int;
select switchyard.seal_function('switchyard.currency_decimals(text)', '{authenticated, service_role}');

-- The last day of a currency that has ended; null for the others.

create or replace function switchyard.currency_end(code text) returns date
language sql immutable parallel safe set search_path = ''
return ('{
    "ADP": "2001-12-31", "AFA": "2002-12-31", "ALK": "1965-08-16", "ANG": "2025-06-30", "AOK": "1991-03-01",
    "AON": "2000-02-01", "AOR": "2000-02-01", "ARA": "1992-01-01", "ARP": "1985-06-14", "ATS": "2002-02-28",
    "AZM": "2006-12-31", "BAD": "1994-08-15", "BEC": "1990-03-05", "BEF": "2002-02-28", "BEL": "1990-03-05",
    "BGL": "1999-07-05", "BGN": "2026-01-31", "BOP": "1986-12-31", "BRB": "1986-02-28", "BRC": "1989-01-15",
    "BRE": "1993-08-01", "BRN": "1990-03-16", "BRR": "1994-07-01", "BUK": "1989-06-18", "BYB": "2000-12-31",
    "BYR": "2017-01-01", "CSD": "2006-10-25", "CSK": "1993-03-01", "CUC": "2021-06-01", "CYP": "2008-01-31",
    "DDM": "1990-10-02", "DEM": "2002-05-15", "ECS": "2000-10-02", "ECV": "2000-01-09", "EEK": "2010-12-31",
    "ESA": "1981-12-31", "ESB": "1994-12-31", "ESP": "2002-02-28", "FIM": "2002-02-28", "FRF": "2002-02-17",
    "GEK": "1995-09-25", "GHC": "2007-12-31", "GNS": "1986-01-06", "GQE": "1986-06-01", "GRD": "2002-02-28",
    "GWE": "1976-02-28", "GWP": "1997-03-31", "HRD": "1995-01-01", "HRK": "2023-01-14", "IEP": "2002-02-09",
    "ILP": "1980-02-22", "ISJ": "1981-01-01", "ITL": "2002-02-28", "LTL": "2014-12-31", "LTT": "1993-06-25",
    "LUC": "1990-03-05", "LUF": "2002-02-28", "LUL": "1990-03-05", "LVL": "2013-12-31", "LVR": "1993-10-17",
    "MGF": "2004-12-31", "MLF": "1984-08-31", "MRO": "2018-06-30", "MTL": "2008-01-31", "MTP": "1968-06-07",
    "MXP": "1992-12-31", "MZE": "1980-06-16", "MZM": "2006-12-31", "NIC": "1991-04-30", "NLG": "2002-02-28",
    "PEI": "1991-07-01", "PES": "1985-02-01", "PLZ": "1994-12-31", "PTE": "2002-02-28", "RHD": "1980-04-18",
    "ROL": "2006-12-31", "RUR": "1998-12-31", "SDD": "2007-06-30", "SDP": "1998-06-01", "SIT": "2007-01-14",
    "SKK": "2009-01-01", "SLL": "2023-12-31", "SRG": "2003-12-31", "STD": "2017-12-31", "SUR": "1992-10-01",
    "TJR": "2000-10-25", "TMM": "2009-01-01", "TPE": "2002-05-20", "TRL": "2005-12-31", "UAK": "1993-10-17",
    "UGS": "1987-05-15", "USS": "2014-03-01", "UYP": "1993-03-01", "VEB": "2008-06-30", "VEF": "2018-08-20",
    "VNN": "1985-09-14", "XEU": "1998-12-31", "XFO": "2003-04-01", "XFU": "2013-11-30", "XRE": "1999-11-30",
    "YDD": "1996-01-01", "YUD": "1990-01-01", "YUM": "2002-05-15", "YUN": "1992-07-24", "ZAL": "1995-03-13",
    "ZMK": "2013-01-01", "ZRN": "1998-07-31", "ZRZ": "1993-11-01", "ZWD": "2008-08-01", "ZWL": "2024-08-31",
    "ZWR": "2009-02-02"
  }'::jsonb ->> code)::date;
select switchyard.seal_function('switchyard.currency_end(text)', '{authenticated, service_role}');

-- Null, which a constraint lets pass, for a currency that is not known: another constraint refuses that one.

create or replace function switchyard.fits_currency(amount numeric, code text) returns boolean
language sql immutable parallel safe set search_path = ''
return amount = round(amount, switchyard.currency_decimals(code));
select switchyard.seal_function('switchyard.fits_currency(numeric, text)', '{authenticated, service_role}');
