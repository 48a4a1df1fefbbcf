-- What the tables of all collections share: versions, tombstones, a check that needs a function, summaries.

-- Versions are microseconds since 1970, above the previous one, rounded up so that the last three bits are 1: those of
-- MongoDB end in 2, so the two never write the same. clock_timestamp(), because now() is when the transaction began.
create function switchyard.next_version(previous bigint default 0) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  lowest bigint := greatest(ceil(extract(epoch from clock_timestamp()) * 1000000)::bigint, previous + 1);
begin
  return lowest + (9 - lowest % 8) % 8;
end
$$;

-- What is left of a deleted record. Nobody but the triggers below and the purge of a deleted user's data touches it.
create table switchyard.tombstones (
  collection text not null,
  user_id uuid not null,
  id uuid not null,
  version bigint not null,
  create_hash text,
  deleted_at timestamptz(3) not null,
  primary key (user_id, collection, id)
);
alter table switchyard.tombstones enable row level security;
revoke all on switchyard.tombstones from public, anon, authenticated;

-- The three trigger functions run with their owner's rights, because users have none on tombstones. The path is pinned,
-- and nobody may call them.

-- Sets what no client may: the version, above that of a deleted record with the same id, and the times. It says nothing
-- about tombstones: it runs before row-level security has looked at the row, so a stranger could ask.
create function switchyard.stamp_record() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  previous bigint := 0;
begin
  if tg_op = 'UPDATE' then
    if new.id <> old.id or new.user_id <> old.user_id then
      raise exception 'the id and the owner of a record cannot change' using errcode = 'invalid_parameter_value';
    end if;
    previous := old.version;
  else
    select t.version into previous from switchyard.tombstones t
    where t.user_id = new.user_id and t.collection = tg_table_name and t.id = new.id;
  end if;
  new.version := switchyard.next_version(coalesce(previous, 0));
  new.updated_at := date_trunc('milliseconds', clock_timestamp());
  new.created_at := case when tg_op = 'UPDATE' then old.created_at else new.updated_at end;
  return new;
end
$$;

-- A repeated create (the same idempotency key) of a record that has been deleted since does not bring it back: SY410, or
-- SY409 when the body is another one. An insert that waited for the deletion of its own id has a version that is too low
-- (the tombstone was not there yet when it was stamped): 40001, which the caller repeats.
create function switchyard.check_tombstones() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  grave record;
begin
  select i.version <= t.version as is_older, i.create_hash = t.create_hash as is_repeated into grave
  from inserted i
  join switchyard.tombstones t on t.user_id = i.user_id and t.collection = tg_table_name and t.id = i.id
  where i.version <= t.version or i.create_hash is not null and t.create_hash is not null
  limit 1;
  if grave.is_repeated then
    raise exception 'the record that this request created is deleted' using errcode = 'SY410';
  elsif not grave.is_repeated then
    raise exception 'another request with this key created a record that is deleted' using errcode = 'SY409';
  elsif grave.is_older then
    raise exception 'the record is being deleted' using errcode = 'serialization_failure';
  end if;
  return null;
end
$$;

create function switchyard.bury_records() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into switchyard.tombstones (collection, user_id, id, version, create_hash, deleted_at)
  select tg_table_name, d.user_id, d.id, switchyard.next_version(d.version), d.create_hash, clock_timestamp()
  from deleted d
  on conflict (user_id, collection, id) do update
    set version = excluded.version, create_hash = excluded.create_hash, deleted_at = excluded.deleted_at;
  return null;
end
$$;

revoke all on function switchyard.next_version(bigint) from public, anon, authenticated;
revoke all on function switchyard.stamp_record() from public, anon, authenticated;
revoke all on function switchyard.check_tombstones() from public, anon, authenticated;
revoke all on function switchyard.bury_records() from public, anon, authenticated;

-- For check constraints, which run with the rights of whoever writes. Lengths are in characters, not bytes.
create function switchyard.are_tags(tags text[], max_items int, max_length int) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(array_ndims(tags), 1) = 1
    and cardinality(tags) <= max_items
    and not exists (
      select from unnest(tags) as t(tag) where t.tag is null or char_length(t.tag) not between 1 and max_length
    )
$$;
revoke all on function switchyard.are_tags(text[], int, int) from public, anon;
grant execute on function switchyard.are_tags(text[], int, int) to authenticated, service_role;

-- Counts and exact sums of a user's records, per group and currency, as JSON: [{key, currency, count, sum, min, max}].
-- One value and not rows, because hosted projects cut rows at 1,000. It runs with the caller's rights, so row-level
-- security and grants hold: whatever names it is given, it reads nothing that the caller could not read without it. Names are
-- quoted with %I, values with %L.
--   p_filters   [{"field", "operator", "value"}]
--   p_search    what search_text has to contain, folded
--   p_by        the column to group by; null for one group per currency
--   p_month     group by the month of p_by: 'day', or the time zone in which an instant's month is meant
--   p_money     the column to add up; null to count only
--   p_currency  the column of the currency, in the collection itself or where p_reference points
--   p_reference {"field", "collection"}: the column that refers to the collection that has the currency
create function public.summarize_records(
  p_collection text,
  p_filters jsonb,
  p_search text,
  p_by text,
  p_month text,
  p_money text,
  p_currency text,
  p_reference jsonb,
  p_limit int
) returns jsonb
language plpgsql stable security invoker set search_path = '' as $$
declare
  operators constant jsonb := '{"eq": "=", "gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}';
  source text := format('public.%I t', p_collection);
  condition text := 't.user_id = (select auth.uid())';
  key text := 'null::text';
  currency text := 'null::text';
  sums text := 'null::text as sum, null::text as min, null::text as max';
  filter jsonb;
  groups jsonb;
begin
  for filter in select jsonb_array_elements(p_filters) loop
    condition := condition || format(
      ' and t.%I %s %L', filter ->> 'field', operators ->> (filter ->> 'operator'), filter ->> 'value'
    );
  end loop;
  if p_search is not null then
    condition := condition || format(' and strpos(t.search_text, %L) > 0', p_search);
  end if;

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
    if p_reference is null then
      currency := format('t.%I', p_currency);
    else
      currency := format('r.%I', p_currency);
      source := source || format(
        ' left join public.%I r on r.user_id = t.user_id and r.id = t.%I',
        p_reference ->> 'collection', p_reference ->> 'field'
      );
    end if;
  end if;

  execute format(
    'select coalesce(jsonb_agg(g), ''[]'') from (
       select %s as key, %s as currency, count(*) as count, %s from %s where %s group by 1, 2 limit %s
     ) g',
    key, currency, sums, source, condition, p_limit
  ) into groups;
  return groups;
end
$$;
revoke all on function public.summarize_records(text, jsonb, text, text, text, text, text, jsonb, int)
  from public, anon, authenticated;
grant execute on function public.summarize_records(text, jsonb, text, text, text, text, text, jsonb, int)
  to authenticated, service_role;
