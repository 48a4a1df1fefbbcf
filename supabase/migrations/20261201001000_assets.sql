-- plane: control
-- What the ledger counts: an asset has a scale, and an amount is a whole number of its smallest unit (numeric(38,0): 10^20
-- ETH in wei fit). Outside it is a decimal string, never with more decimals than the asset has; nothing is ever rounded.

create table public.assets (
  code text primary key check (code ~ '^[A-Z][A-Z0-9]{1,11}$'),
  scale smallint not null check (scale between 0 and 18),
  kind text not null check (kind in ('currency', 'token'))
);
comment on table public.assets is 'ISO 4217, as shared/values/currencies.ts has it without what has ended, and tokens';

insert into public.assets (code, scale, kind)
select c.code, s.scale, 'currency'
from (values
  (0, '
    BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF
  '),
  (2, '
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP
    COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR
    JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN
    NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL
    THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
  '),
  (3, '
    BHD IQD JOD KWD LYD OMR TND
  '),
  (4, '
    CLF UYW XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XUA
  ')
) s (scale, codes), regexp_split_to_table(trim(s.codes, E' \n'), '\s+') c (code);
insert into public.assets (code, scale, kind) values ('USDC', 6, 'token'), ('ETH', 18, 'token');

alter table public.assets enable row level security;
create policy assets_select on public.assets for select to authenticated using (true);
revoke all on public.assets from public, anon, authenticated, service_role;
grant select on public.assets to authenticated, service_role;

-- 10^-scale is exact, and so is a product with it.
create function switchyard.ledger_decimal(p_units numeric, p_scale smallint) returns text
language sql immutable set search_path = '' as $$
  select round(p_units * ('1e-' || p_scale)::numeric, p_scale)::text
$$;

-- A decimal string above zero as smallest units. 22023 for anything else.
create function switchyard.ledger_units(p_amount text, p_asset text) returns numeric
language plpgsql stable set search_path = '' as $$
declare
  v_scale smallint := (select scale from public.assets where code = p_asset);
  v_units numeric;
begin
  if v_scale is null then
    raise exception 'There is no asset %.', p_asset using errcode = 'invalid_parameter_value';
  end if;
  if p_amount is null or p_amount !~ '^\d{1,38}(\.\d{1,18})?$' then
    raise exception 'An amount is a decimal string above zero, such as "12.50".' using errcode = 'invalid_parameter_value';
  end if;
  if length(split_part(p_amount, '.', 2)) > v_scale then
    raise exception '% has % decimals; the amount has more.', p_asset, v_scale using errcode = 'invalid_parameter_value';
  end if;
  v_units := trunc(p_amount::numeric * ('1e' || v_scale)::numeric);
  if v_units = 0 then
    raise exception 'An amount is above zero.' using errcode = 'invalid_parameter_value';
  end if;
  if v_units >= 1e37 then
    raise exception 'The amount is too large.' using errcode = 'invalid_parameter_value';
  end if;
  return v_units;
end
$$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.ledger_decimal(numeric, smallint)', 'switchyard.ledger_units(text, text)'
]::regprocedure[]) f;
