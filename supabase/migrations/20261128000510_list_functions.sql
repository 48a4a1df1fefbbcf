-- Lists by several fields, filters on lists and on absence, sums by the values of a list; and bounds: whoever has a token may
-- call these functions through Supabase's REST with anything. What is beyond them, or is no column or operator, is refused
-- with 22023 and a message that says what is.

drop function public.records_condition(uuid, text, text, text);
drop function public.records_list(text, uuid, text, text, text, boolean, text, int, text, text);

-- The column of that name.
create function public.records_column(p_collection text, p_name text) returns pg_catalog.pg_attribute
language plpgsql stable security invoker set search_path = '' as $$
declare
  found_column pg_catalog.pg_attribute;
begin
  select a.* into found_column from pg_catalog.pg_attribute a
  where a.attrelid = format('public.%I', p_collection)::regclass and a.attname = p_name
    and a.attnum > 0 and not a.attisdropped;
  if found_column.attname is null then
    raise exception '% has no column "%"', p_collection, left(p_name, 100) using errcode = 'invalid_parameter_value';
  end if;
  return found_column;
end
$$;

-- The condition of a selection over `t`. p_filters: at most 50 of {"field", "operator", "value"}; p_search: what search_text
-- has to contain, folded. (3,000 filters took 5 seconds to plan.) `in` is for code that reads what belongs to the records of one
-- page, in one call: its value is up to 200 ids with commas between.
create function public.records_condition(
  p_collection text, p_user_id uuid, p_filters text, p_search text, p_owner_column text default 'user_id'
) returns text
language plpgsql stable security invoker set search_path = '' as $$
declare
  compared constant jsonb := '{"eq": "=", "gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}';
  condition text := format('t.%I = %L', p_owner_column, p_user_id);
  filters jsonb := coalesce(p_filters::jsonb, '[]');
  filter jsonb;
  operator text;
  operand text;
  field pg_catalog.pg_attribute;
begin
  if jsonb_typeof(filters) <> 'array' or jsonb_array_length(filters) > 50 then
    raise exception 'p_filters is a list of at most 50 filters' using errcode = 'invalid_parameter_value';
  end if;
  if char_length(p_search) > 20000 then
    raise exception 'p_search has at most 20000 characters' using errcode = 'invalid_parameter_value';
  end if;
  for filter in select jsonb_array_elements(filters) loop
    field := public.records_column(p_collection, filter ->> 'field');
    operator := filter ->> 'operator';
    operand := filter ->> 'value';
    if operator = 'null' and operand in ('true', 'false') then
      condition := condition || format(
        case operand when 'true' then ' and t.%I is null' else ' and t.%I is not null' end, field.attname
      );
    elsif operator = 'has' and field.attndims > 0 then
      condition := condition || format(' and %L = any (t.%I)', operand, field.attname);
    elsif operator = 'in' and field.atttypid = 'uuid'::regtype and char_length(operand) < 200 * 37 then
      condition := condition || format(' and t.%I = any (string_to_array(%L, '','')::uuid[])', field.attname, operand);
    elsif compared ? operator then
      condition := condition || format(' and t.%I %s %L', field.attname, compared ->> operator, operand);
    else
      raise exception '"%" cannot be filtered with the operator "%" and this value', field.attname, left(operator, 100)
        using errcode = 'invalid_parameter_value',
          hint = 'The operators are eq, gte, gt, lte, lt; has, of a list; in, of ids; null, with the value true or false.';
    end if;
  end loop;
  if p_search is not null then
    condition := condition || format(' and strpos(t.search_text, %L) > 0', p_search);
  end if;
  return condition;
end
$$;

-- What comes after the row with these keys. p_order: as for records_list, checked. Compared as a row where that says the same:
-- an index starts at the very record then, however many share its first key. Else `a <= x and (a < x or the rest)`, of which
-- it reads the first part.
create function public.records_beyond(p_collection text, p_order jsonb, p_after jsonb) returns text
language plpgsql stable security invoker set search_path = '' as $$
declare
  way text;
  is_way_shared boolean := true;
  is_row boolean := true;
  columns text;
  keys text;
  beyond text;
  place record;
begin
  for place in
    select format('t.%I', c.attname) as name, p_after ->> (o.at::int - 1) as key,
      case when (o.sort ->> 'descending')::boolean then '<' else '>' end as way,
      (o.sort ->> 'descending')::boolean and not c.attnotnull as nulls_follow
    from jsonb_array_elements(p_order) with ordinality o(sort, at),
      lateral public.records_column(p_collection, o.sort ->> 'field') c
    order by o.at desc
  loop
    is_way_shared := is_way_shared and place.way = coalesce(way, place.way);
    way := place.way;
    is_row := is_row and is_way_shared and place.key is not null and not place.nulls_follow;
    if is_row then
      columns := concat_ws(', ', place.name, columns);
      keys := concat_ws(', ', quote_literal(place.key), keys);
      beyond := format('(%s) %s (%s)', columns, way, keys);
    elsif place.key is null then
      beyond := format(
        case way when '<' then '(%1$s is null and %2$s)' else '(%1$s is not null or %2$s)' end,
        place.name, coalesce(beyond, 'false')
      );
    else
      beyond := format(
        '(%1$s %2$s= %3$L and (%1$s %2$s %3$L or %4$s))', place.name, way, place.key, coalesce(beyond, 'false')
      );
      if place.nulls_follow then beyond := format('(%s or %s is null)', beyond, place.name); end if;
    end if;
  end loop;
  return beyond;
end
$$;

-- One page, as a JSON array: hosted projects cut rows at 1,000. p_order: 1 to 5 of {"field", "descending"}, the last of which
-- should be the id; nulls come first ascending and last descending. p_after: a JSON array of what the last row of the page
-- before has in these columns. p_limit: 1 to 201.
create function public.records_list(
  p_collection text, p_user_id uuid, p_filters text, p_search text, p_order text,
  p_after text, p_limit int, p_columns text, p_owner_column text default 'user_id'
) returns jsonb
language plpgsql stable security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  condition text := public.records_condition(p_collection, p_user_id, p_filters, p_search, p_owner_column);
  sorts jsonb := p_order::jsonb;
  place text;
  page jsonb;
begin
  if jsonb_typeof(sorts) is distinct from 'array' or jsonb_array_length(sorts) not between 1 and 5 then
    raise exception 'p_order is a list of 1 to 5 fields' using errcode = 'invalid_parameter_value';
  end if;
  if p_limit is null or p_limit not between 1 and 201 then
    raise exception 'p_limit is from 1 to 201' using errcode = 'invalid_parameter_value';
  end if;
  -- where there is no null, saying where it goes would keep the index from being read in order
  select string_agg(
    format('t.%I', c.attname)
      || case when (o.sort ->> 'descending')::boolean then ' desc' else ' asc' end
      || case when c.attnotnull then '' when (o.sort ->> 'descending')::boolean then ' nulls last' else ' nulls first' end,
    ', ' order by o.at
  ) into place
  from jsonb_array_elements(sorts) with ordinality o(sort, at),
    lateral public.records_column(p_collection, o.sort ->> 'field') c;
  if p_after is not null then
    if jsonb_typeof(p_after::jsonb) <> 'array' or jsonb_array_length(p_after::jsonb) <> jsonb_array_length(sorts) then
      raise exception 'p_after has one value for each field of p_order' using errcode = 'invalid_parameter_value';
    end if;
    condition := condition || ' and ' || public.records_beyond(p_collection, sorts, p_after::jsonb);
  end if;
  execute format(
    'select coalesce(jsonb_agg(page.record), ''[]'') from (
       select %1$s as record from public.%2$I t where %3$s order by %4$s limit %5$s
     ) page',
    public.records_json(p_collection, p_columns), p_collection, condition, place, p_limit
  ) into page;
  return page;
end
$$;

-- Counts and exact sums per group and currency, as JSON: [{key, currency, count, sum, min, max}], at most p_limit (10,001).
--   p_by        the column to group by; null for one group per currency. By a list, a record is in the group of each of its
--               values, once in each, and one whose list is empty in that of null
--   p_month     group by the month of p_by: 'day', or the time zone in which an instant's month is meant
--   p_money     the column to add up; null to count only
--   p_currency  {"field"}, or {"reference", "collection", "field"} where the currency is in the record that is referred to,
--               with "owner" where that collection's owner column has another name than this one's
create or replace function public.records_summarize(
  p_collection text, p_user_id uuid, p_filters text, p_search text, p_by text, p_month text,
  p_money text, p_currency text, p_limit int, p_owner_column text default 'user_id'
) returns jsonb
language plpgsql stable security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  condition text := public.records_condition(p_collection, p_user_id, p_filters, p_search, p_owner_column);
  source text := format('public.%I t', p_collection);
  key text := 'null::text';
  currency text := 'null::text';
  sums text := 'null::text as sum, null::text as min, null::text as max';
  grouped pg_catalog.pg_attribute;
  groups jsonb;
begin
  if p_limit is null or p_limit not between 1 and 10001 then
    raise exception 'p_limit is from 1 to 10001' using errcode = 'invalid_parameter_value';
  end if;
  if p_by is not null then grouped := public.records_column(p_collection, p_by); end if;
  if p_month = 'day' then
    key := format('to_char(t.%I, ''YYYY-MM'')', p_by);
  elsif p_month is not null then
    key := format('to_char(t.%I at time zone %L, ''YYYY-MM'')', p_by, p_month);
  elsif grouped.attndims > 0 then
    key := 'v.value';
    source := source || format(
      ' left join lateral (select distinct u.value from unnest(t.%I) u(value)) v on true', p_by
    );
  elsif p_by is not null then
    -- through JSON, so that the text does not depend on the session's settings
    key := format('to_jsonb(t.%I) #>> ''{}''', p_by);
  end if;

  if p_money is not null then
    sums := format('sum(t.%1$I)::text as sum, min(t.%1$I)::text as min, max(t.%1$I)::text as max', p_money);
    currency := format('t.%I', p_currency::jsonb ->> 'field');
    if p_currency::jsonb ? 'reference' then
      currency := format('r.%I', p_currency::jsonb ->> 'field');
      source := source || format(
        ' left join public.%I r on r.%I = t.%I and r.id = t.%I', p_currency::jsonb ->> 'collection',
        coalesce(p_currency::jsonb ->> 'owner', p_owner_column), p_owner_column, p_currency::jsonb ->> 'reference'
      );
    end if;
  end if;

  execute format(
    'select coalesce(jsonb_agg(g), ''[]'') from (
       select %s as key, %s as currency, count(*)::text as count, %s from %s where %s group by 1, 2 limit %s
     ) g',
    key, currency, sums, source, condition, p_limit
  ) into groups;
  return groups;
end
$$;

select switchyard.seal_function(p.oid, '{authenticated, service_role}') from pg_catalog.pg_proc p
where p.pronamespace = 'public'::regnamespace
  and p.proname in ('records_column', 'records_condition', 'records_beyond', 'records_list');

notify pgrst, 'reload schema';
