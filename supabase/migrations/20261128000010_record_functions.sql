-- What a record's functions give is read column by column: the whole row would be put together for each record before, folded
-- text and all, which is many times what is shown. And a refusal says which constraint it was: its name tells the field.

-- The JSON of a row `t` of that table as an SQL expression: of the columns in p_columns (a JSON array), numbers as text, so
-- that no digit is lost. By a row of its own and not by jsonb_build_object, which takes no more than 50 columns.
create function public.records_json(p_collection text, p_columns text) returns text
language sql stable parallel safe set search_path = '' as $$
  select format(
    '(select to_jsonb(r) from (select %s) r)',
    string_agg(
      format(case when y.typcategory = 'N' then 't.%1$I::text as %1$I' else 't.%1$I' end, a.attname), ', ' order by a.attnum
    )
  )
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_type y on y.oid = a.atttypid
  where a.attrelid = format('public.%I', p_collection)::regclass and a.attnum > 0 and not a.attisdropped
    and p_columns::jsonb ? a.attname
$$;

-- What a write answers that is refused: the SQLSTATE; the constraint that was violated; of our own refusals the detail, too.
-- (Postgres' own details show values.)
create function public.records_refusal(p_problem text, p_missing jsonb, p_constraint text, p_detail text) returns jsonb
language sql immutable parallel safe set search_path = '' as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'error', p_problem, 'missing', p_missing, 'constraint', nullif(p_constraint, ''),
    'detail', case when p_problem like 'SY%' then nullif(p_detail, '') end
  ))
$$;

-- A repeated create (the same create_hash) answers the record as it is now.
create or replace function public.records_create(
  p_collection text, p_record text, p_columns text, p_owner_column text default 'user_id'
) returns jsonb
language plpgsql volatile security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  columns text := (select string_agg(format('%I', key), ', ') from jsonb_object_keys(p_record::jsonb) key);
  owner uuid := p_record::jsonb ->> p_owner_column;
  answer jsonb;
  made_by text;
  problem text;
  violated text;
  problem_detail text;
  missing jsonb;
begin
  for attempt in 1..3 loop
    begin
      execute format(
        'insert into public.%1$I as t (%2$s) select %2$s from jsonb_populate_record(null::public.%1$I, $1) returning %3$s',
        p_collection, columns, public.records_json(p_collection, p_columns)
      ) into answer using p_record::jsonb;
      return jsonb_build_object('record', answer);
    exception when others then
      get stacked diagnostics
        problem = returned_sqlstate, violated = constraint_name, problem_detail = pg_exception_detail;
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
      'select t.create_hash, %s from public.%I t where t.%I = $1 and t.id = $2',
      public.records_json(p_collection, p_columns), p_collection, p_owner_column
    ) into made_by, answer using owner, (p_record::jsonb ->> 'id')::uuid;
    if made_by = p_record::jsonb ->> 'create_hash' then
      return jsonb_build_object('record', answer);
    elsif made_by is not null then
      problem := 'SY409';
    end if;
  end if;
  return public.records_refusal(problem, missing, violated, problem_detail);
end
$$;

-- p_version: the version that the record must have; null for any.
create or replace function public.records_update(
  p_collection text, p_user_id uuid, p_id uuid, p_changes text, p_version bigint, p_columns text,
  p_owner_column text default 'user_id'
) returns jsonb
language plpgsql volatile security invoker set search_path = '' set timezone = 'UTC' as $$
declare
  columns text := (select string_agg(format('%I', key), ', ') from jsonb_object_keys(p_changes::jsonb) key);
  answer jsonb;
  problem text;
  violated text;
  problem_detail text;
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
        'update public.%1$I t set (%2$s) = (select %2$s from jsonb_populate_record(t, $1))
         where t.%4$I = $2 and t.id = $3 and ($4 is null or t.version = $4) returning %3$s',
        p_collection, columns, public.records_json(p_collection, p_columns), p_owner_column
      ) into answer using p_changes::jsonb, p_user_id, p_id, p_version;
      if answer is not null then return jsonb_build_object('record', answer); end if;
      return jsonb_build_object('error', public.records_absence(p_collection, p_user_id, p_id, p_owner_column));
    exception when others then
      get stacked diagnostics
        problem = returned_sqlstate, violated = constraint_name, problem_detail = pg_exception_detail;
      missing := case when problem = '23503'
        then public.records_missing(p_collection, p_user_id, p_changes::jsonb, p_owner_column) end;
      -- none is missing: it has come meanwhile
      if (problem in ('40001', '40P01') or missing = '[]') and attempt < 3 then continue; end if;
      if problem !~ '^(22...|23...|SY...|PT...|42501)$' then raise; end if;
      exit;
    end;
  end loop;
  return public.records_refusal(problem, missing, violated, problem_detail);
end
$$;

create or replace function public.records_delete(
  p_collection text, p_user_id uuid, p_id uuid, p_version bigint, p_owner_column text default 'user_id'
) returns jsonb
language plpgsql volatile security invoker set search_path = '' as $$
declare
  deleted int;
  problem text;
  violated text;
  problem_detail text;
begin
  execute format(
    'delete from public.%I t where t.%I = $1 and t.id = $2 and ($3 is null or t.version = $3)', p_collection, p_owner_column
  ) using p_user_id, p_id, p_version;
  get diagnostics deleted = row_count;
  if deleted = 0 then
    return jsonb_build_object('error', public.records_absence(p_collection, p_user_id, p_id, p_owner_column));
  end if;
  return '{}';
exception when others then
  get stacked diagnostics
    problem = returned_sqlstate, violated = constraint_name, problem_detail = pg_exception_detail;
  if problem !~ '^(23...|SY...|PT...|42501)$' then raise; end if;
  return public.records_refusal(problem, null, violated, problem_detail);
end
$$;

-- One page, as a JSON array: hosted projects cut rows at 1,000. Ties go by id in the same direction; nulls come first
-- ascending and last descending. p_after: {"key", "id"} of the last row of the page before.
create or replace function public.records_list(
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
    public.records_json(p_collection, p_columns), p_collection, condition, p_sort, direction, nulls, p_limit
  ) into page;
  return page;
end
$$;

drop function public.records_json();

select switchyard.seal_function(p.oid, '{authenticated, service_role}') from pg_catalog.pg_proc p
where p.pronamespace = 'public'::regnamespace and p.proname in ('records_json', 'records_refusal');
