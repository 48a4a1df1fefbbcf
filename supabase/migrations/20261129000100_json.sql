-- Fields of the kind json: what they may hold, and their way out. What it is, is printed from shared/values by
-- shared/postgres/schema/value-functions-sql.ts.

-- JSON that MongoDB keeps exactly, too: at most 49 levels, numbers of at most 34 digits within Decimal128's
-- exponents. Null at the top is no value; a column holds SQL's instead. The size comes first, and the depth before what goes
-- down to the end; that only where so many digits stand together somewhere, be it in a text.

create or replace function switchyard.is_json(value jsonb, max_bytes int) returns boolean
language sql immutable parallel safe set search_path = ''
return case
    when octet_length(value::text) > max_bytes or jsonb_typeof(value) = 'null' then false
    when jsonb_path_exists(value, 'strict $.**{49} ? (@.type() == "object" || @.type() == "array")') then false
    when value::text !~ '[0-9.]{35}' then true
    else not exists (
      select from jsonb_path_query(value, 'strict $.** ? (@.type() == "number")') as j(item),
        lateral (select trim_scale(abs((j.item #>> '{}')::numeric)) as size) n
      where char_length(btrim(replace(n.size::text, '.', ''), '0')) > 34
        or n.size >= 1e6145 or scale(n.size) > 6176
    )
  end;
select switchyard.seal_function('switchyard.is_json(jsonb, int)', '{authenticated, service_role}');

-- The JSON of a row `t` of that table as an SQL expression: of the columns in p_columns (a JSON array), numbers as text, so
-- that no digit is lost, and JSON as text for the same reason: whoever reads the answer would make doubles of its numbers. By
-- a row of its own and not by jsonb_build_object, which takes no more than 50 columns.
create or replace function public.records_json(p_collection text, p_columns text) returns text
language sql stable parallel safe set search_path = '' as $$
  select format(
    '(select to_jsonb(r) from (select %s) r)',
    string_agg(
      format(
        case when y.typcategory = 'N' or y.oid = 'jsonb'::regtype then 't.%1$I::text as %1$I' else 't.%1$I' end, a.attname
      ),
      ', ' order by a.attnum
    )
  )
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_type y on y.oid = a.atttypid
  where a.attrelid = format('public.%I', p_collection)::regclass and a.attnum > 0 and not a.attisdropped
    and p_columns::jsonb ? a.attname
$$;
select switchyard.seal_function('public.records_json(text, text)', '{authenticated, service_role}');
