-- The functions for records, for tables whose owner's column has another name than user_id: p_owner_column names it. Who does
-- not say it means user_id, so code from before goes on working. (New signatures beside the old ones would leave calls
-- without it ambiguous: the old ones are dropped.) What a home that is elsewhere, or being moved, answers (PT421, PT503; see
-- switchyard.is_home) comes out of writes as {"error"} like every other refusal, and is raised by reads.

drop function public.records_condition(uuid, text, text);
drop function public.records_missing(text, uuid, jsonb);
drop function public.records_create(text, text, text);
drop function public.records_absence(text, uuid, uuid);
drop function public.records_update(text, uuid, uuid, text, bigint, text);
drop function public.records_delete(text, uuid, uuid, bigint);
drop function public.records_list(text, uuid, text, text, text, boolean, text, int, text);
drop function public.records_summarize(text, uuid, text, text, text, text, text, text, int);

-- The condition of a selection over `t`. p_filters: [{"field", "operator", "value"}]; p_search: what search_text has to
-- contain, folded.
create function public.records_condition(
  p_user_id uuid, p_filters text, p_search text, p_owner_column text default 'user_id'
) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  operators constant jsonb := '{"eq": "=", "gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}';
  condition text := format('t.%I = %L', p_owner_column, p_user_id);
  filter jsonb;
begin
  for filter in select jsonb_array_elements(p_filters::jsonb) loop
    condition := condition || format(
      ' and t.%I %s %L', filter ->> 'field', operators ->> (filter ->> 'operator'), filter ->> 'value'
    );
  end loop;
  if p_search is not null then
    condition := condition || format(' and strpos(t.search_text, %L) > 0', p_search);
  end if;
  return condition;
end
$$;

-- The fields whose records are not there, in the table's order: Postgres itself names only the first.
create function public.records_missing(
  p_collection text, p_user_id uuid, p_values jsonb, p_owner_column text default 'user_id'
) returns jsonb
language plpgsql volatile security invoker set search_path = '' as $$
declare
  reference record;
  is_there boolean;
  missing jsonb := '[]';
begin
  for reference in
    -- the key is (owner, id) on the other side, and the owner's column may have another name there
    select a.attname as field, c.confrelid::regclass as target, c.confrelid = c.conrelid as is_own, o.attname as owner
    from pg_catalog.pg_constraint c
    join pg_catalog.pg_attribute a
      on a.attrelid = c.conrelid and a.attnum = any (c.conkey) and a.attname <> p_owner_column
    join pg_catalog.pg_attribute o on o.attrelid = c.confrelid and o.attnum = any (c.confkey) and o.attname <> 'id'
    where c.conrelid = format('public.%I', p_collection)::regclass and c.contype = 'f'
    order by a.attnum
  loop
    continue when p_values ->> reference.field is null;
    -- a new record may refer to itself, and is gone by now
    continue when reference.is_own and p_values ->> reference.field = p_values ->> 'id';
    execute format('select exists (select from %s t where t.%I = $1 and t.id = $2)', reference.target, reference.owner)
      into is_there using p_user_id, (p_values ->> reference.field)::uuid;
    if not is_there then missing := missing || to_jsonb(reference.field); end if;
  end loop;
  return missing;
end
$$;

-- A repeated create (the same create_hash) answers the record as it is now.
create function public.records_create(
  p_collection text, p_record text, p_columns text, p_owner_column text default 'user_id'
) returns jsonb
language plpgsql volatile security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  columns text := (select string_agg(format('%I', key), ', ') from jsonb_object_keys(p_record::jsonb) key);
  owner uuid := p_record::jsonb ->> p_owner_column;
  answer jsonb;
  made_by text;
  problem text;
  missing jsonb;
begin
  for attempt in 1..3 loop
    begin
      execute format(
        'insert into public.%1$I as t (%2$s) select %2$s from jsonb_populate_record(null::public.%1$I, $2) returning %3$s',
        p_collection, columns, public.records_json()
      ) into answer using p_columns::jsonb, p_record::jsonb;
      return jsonb_build_object('record', answer);
    exception when others then
      get stacked diagnostics problem = returned_sqlstate;
      missing := case when problem = '23503'
        then public.records_missing(p_collection, owner, p_record::jsonb, p_owner_column) end;
      -- none is missing: it has come meanwhile
      if (problem in ('40001', '40P01') or missing = '[]') and attempt < 3 then continue; end if;
      if problem !~ '^(22...|23...|SY...|PT...|42501)$' then raise; end if;
      exit;
    end;
  end loop;

  if problem = '23505' and p_record::jsonb ->> 'create_hash' is not null then
    execute format(
      'select t.create_hash, %s from public.%I t where t.%I = $2 and t.id = $3',
      public.records_json(), p_collection, p_owner_column
    ) into made_by, answer using p_columns::jsonb, owner, (p_record::jsonb ->> 'id')::uuid;
    if made_by = p_record::jsonb ->> 'create_hash' then
      return jsonb_build_object('record', answer);
    elsif made_by is not null then
      problem := 'SY409';
    end if;
  end if;
  return jsonb_build_object('error', problem, 'missing', missing);
end
$$;

-- Why a guarded write found nothing: the record has another version, or there is none.
create function public.records_absence(
  p_collection text, p_user_id uuid, p_id uuid, p_owner_column text default 'user_id'
) returns text
language plpgsql volatile security invoker set search_path = '' as $$
declare
  is_there boolean;
begin
  execute format('select exists (select from public.%I t where t.%I = $1 and t.id = $2)', p_collection, p_owner_column)
    into is_there using p_user_id, p_id;
  return case when is_there then 'SY412' else 'P0002' end;
end
$$;

-- p_version: the version that the record must have; null for any.
create function public.records_update(
  p_collection text, p_user_id uuid, p_id uuid, p_changes text, p_version bigint, p_columns text,
  p_owner_column text default 'user_id'
) returns jsonb
language plpgsql volatile security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  columns text := (select string_agg(format('%I', key), ', ') from jsonb_object_keys(p_changes::jsonb) key);
  answer jsonb;
  problem text;
  missing jsonb;
begin
  if columns is null then
    -- a change of nothing is one, too: any column that the caller may write is set to itself
    select format('%I', a.attname) into columns from pg_catalog.pg_attribute a
    where a.attrelid = format('public.%I', p_collection)::regclass and a.attnum > 0 and not a.attisdropped
      and a.attgenerated = '' and a.attname not in ('id', p_owner_column)
      and has_column_privilege(a.attrelid, a.attnum, 'update')
    order by a.attnum limit 1;
  end if;
  for attempt in 1..3 loop
    begin
      execute format(
        'update public.%1$I t set (%2$s) = (select %2$s from jsonb_populate_record(t, $2))
         where t.%4$I = $3 and t.id = $4 and ($5 is null or t.version = $5) returning %3$s',
        p_collection, columns, public.records_json(), p_owner_column
      ) into answer using p_columns::jsonb, p_changes::jsonb, p_user_id, p_id, p_version;
      if answer is not null then return jsonb_build_object('record', answer); end if;
      return jsonb_build_object('error', public.records_absence(p_collection, p_user_id, p_id, p_owner_column));
    exception when others then
      get stacked diagnostics problem = returned_sqlstate;
      missing := case when problem = '23503'
        then public.records_missing(p_collection, p_user_id, p_changes::jsonb, p_owner_column) end;
      -- none is missing: it has come meanwhile
      if (problem in ('40001', '40P01') or missing = '[]') and attempt < 3 then continue; end if;
      if problem !~ '^(22...|23...|SY...|PT...|42501)$' then raise; end if;
      exit;
    end;
  end loop;
  return jsonb_build_object('error', problem, 'missing', missing);
end
$$;

create function public.records_delete(
  p_collection text, p_user_id uuid, p_id uuid, p_version bigint, p_owner_column text default 'user_id'
) returns jsonb
language plpgsql volatile security invoker set search_path = '' as $$
declare
  deleted int;
  problem text;
begin
  execute format(
    'delete from public.%I t where t.%I = $1 and t.id = $2 and ($3 is null or t.version = $3)', p_collection, p_owner_column
  ) using p_user_id, p_id, p_version;
  get diagnostics deleted = row_count;
  if deleted = 0 then
    return jsonb_build_object('error', public.records_absence(p_collection, p_user_id, p_id, p_owner_column));
  end if;
  return '{}';
exception when foreign_key_violation or insufficient_privilege or sqlstate 'PT421' or sqlstate 'PT503' then
  get stacked diagnostics problem = returned_sqlstate;
  return jsonb_build_object('error', problem);
end
$$;

-- One page, as a JSON array: hosted projects cut rows at 1,000. Ties go by id in the same direction; nulls come first
-- ascending and last descending. p_after: {"key", "id"} of the last row of the page before.
create function public.records_list(
  p_collection text, p_user_id uuid, p_filters text, p_search text, p_sort text, p_descending boolean,
  p_after text, p_limit int, p_columns text, p_owner_column text default 'user_id'
) returns jsonb
language plpgsql stable security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  condition text := public.records_condition(p_user_id, p_filters, p_search, p_owner_column);
  is_nullable boolean := not a.attnotnull from pg_catalog.pg_attribute a
    where a.attrelid = format('public.%I', p_collection)::regclass and a.attname = p_sort;
  beyond text := case when p_descending then '<' else '>' end;
  direction text := case when p_descending then 'desc' else 'asc' end;
  nulls text := case when not is_nullable then '' when p_descending then 'nulls last' else 'nulls first' end;
  page jsonb;
begin
  if p_after::jsonb ->> 'key' is not null then
    -- compared as a row, an index starts at the very record, however many share its key
    condition := condition || format(
      case when is_nullable and p_descending
        then ' and ((t.%1$I, t.id) < (%3$L, %4$L) or t.%1$I is null)'
        else ' and (t.%1$I, t.id) %2$s (%3$L, %4$L)'
      end,
      p_sort, beyond, p_after::jsonb ->> 'key', p_after::jsonb ->> 'id'
    );
  elsif p_after is not null then
    condition := condition || format(
      case when p_descending
        then ' and t.%1$I is null and t.id < %2$L'
        else ' and (t.%1$I is not null or t.id > %2$L)'
      end,
      p_sort, p_after::jsonb ->> 'id'
    );
  end if;
  execute format(
    'select coalesce(jsonb_agg(page.record), ''[]'') from (
       select %1$s as record from public.%2$I t where %3$s order by t.%4$I %5$s %6$s, t.id %5$s limit %7$s
     ) page',
    public.records_json(), p_collection, condition, p_sort, direction, nulls, p_limit
  ) into page using p_columns::jsonb;
  return page;
end
$$;

-- Counts and exact sums per group and currency, as JSON: [{key, currency, count, sum, min, max}], at most p_limit.
--   p_by        the column to group by; null for one group per currency
--   p_month     group by the month of p_by: 'day', or the time zone in which an instant's month is meant
--   p_money     the column to add up; null to count only
--   p_currency  {"field"}, or {"reference", "collection", "field"} where the currency is in the record that is referred to,
--               with "owner" where that collection's owner column has another name than this one's
create function public.records_summarize(
  p_collection text, p_user_id uuid, p_filters text, p_search text, p_by text, p_month text,
  p_money text, p_currency text, p_limit int, p_owner_column text default 'user_id'
) returns jsonb
language plpgsql stable security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  source text := format('public.%I t', p_collection);
  key text := 'null::text';
  currency text := 'null::text';
  sums text := 'null::text as sum, null::text as min, null::text as max';
  groups jsonb;
begin
  if p_month = 'day' then
    key := format('to_char(t.%I, ''YYYY-MM'')', p_by);
  elsif p_month is not null then
    key := format('to_char(t.%I at time zone %L, ''YYYY-MM'')', p_by, p_month);
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
    key, currency, sums, source, public.records_condition(p_user_id, p_filters, p_search, p_owner_column), p_limit
  ) into groups;
  return groups;
end
$$;

select switchyard.seal_function(p.oid, '{authenticated, service_role}') from pg_catalog.pg_proc p
where p.pronamespace = 'public'::regnamespace and p.proname in (
  'records_condition', 'records_missing', 'records_absence',
  'records_create', 'records_update', 'records_delete', 'records_list', 'records_summarize'
);
