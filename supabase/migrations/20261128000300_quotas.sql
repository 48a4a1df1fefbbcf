-- How much each user keeps here, and how much they may: counted and held by the database itself, so that rows that come over
-- REST, many at once, count like those of the API.
--
-- usage  a user's living records and their bytes: of the row as text, in steps of 64 (about what a row takes beside its
--        values), so that a change of the version or the time alone changes no count. Text, because it is the same whenever
--        it is asked: what a row takes on disk depends on whether a value has been compressed yet.
-- quota  the most of each for one user; the same for all users of this database. `switchyard db prepare` sets it.

create table switchyard.quotas (
  is_the_only_row boolean primary key default true check (is_the_only_row),
  -- null: no limit
  records bigint check (records >= 0),
  bytes bigint check (bytes >= 0)
);
insert into switchyard.quotas (records, bytes) values (100000, 100 * 1024 * 1024);

-- One row for each user who has records; changed by every write that changes how much there is.
create table switchyard.user_usage (
  user_id uuid primary key,
  records bigint not null,
  bytes bigint not null
) with (fillfactor = 50);

-- No policies: only functions that run with the owner's rights reach these.
alter table switchyard.quotas enable row level security;
alter table switchyard.user_usage enable row level security;
revoke all on switchyard.quotas, switchyard.user_usage from public, anon, authenticated;

-- Adds to what a user keeps, and refuses more than they may. What makes it less is never refused: whoever is over a quota
-- that was lowered can delete. The statement is rolled back as a whole, be it of 2,000 rows.
create function switchyard.add_usage(p_user_id uuid, p_records bigint, p_bytes bigint) returns void
language plpgsql set search_path = '' as $$
declare
  v_usage switchyard.user_usage;
  v_quota switchyard.quotas;
begin
  insert into switchyard.user_usage as u (user_id, records, bytes) values (p_user_id, p_records, greatest(p_bytes, 0))
  on conflict (user_id) do update
    set records = u.records + excluded.records, bytes = greatest(u.bytes + p_bytes, 0)
  returning * into v_usage;
  select * into v_quota from switchyard.quotas;
  if (p_records > 0 and v_usage.records > v_quota.records) or (p_bytes > 0 and v_usage.bytes > v_quota.bytes) then
    raise exception 'This would make % records with % bytes, and one user may keep % with %.', v_usage.records, v_usage.bytes,
      coalesce(v_quota.records::text, 'any number'), coalesce(v_quota.bytes::text, 'any number')
      using errcode = 'SY507', hint = 'Delete records, or ask the operator for a larger quota.',
        detail = jsonb_build_object('records', v_usage.records, 'bytes', v_usage.bytes,
          'quota_records', v_quota.records, 'quota_bytes', v_quota.bytes)::text;
  end if;
end $$;

-- For each statement and not for each row: 2,000 rows are one change of one count. After everything else that a statement
-- does (triggers of a kind go by name), so that the row of user_usage, at which all writers of one user meet, is taken last
-- and held for as short as can be: a statement that has it waits for nothing any more. Where one transaction has several
-- statements, two of one user can still wait for each other; that is a deadlock (40P01), of which one is tried again.
-- The owner's column is read through JSON where it is not user_id, as in stamp_record().
create function switchyard.count_usage() returns trigger
language plpgsql security definer set search_path = '' set timezone = 'UTC' set datestyle = 'ISO' as $$
begin
  if tg_op = 'INSERT' and tg_nargs = 0 then
    perform switchyard.add_usage(c.owner, c.records, c.bytes) from (
      select r.user_id as owner, count(*) as records, sum((octet_length(r::text) / 64 + 1) * 64)::bigint as bytes
      from inserted r group by 1 order by 1
    ) c;
  elsif tg_op = 'INSERT' then
    perform switchyard.add_usage(c.owner, c.records, c.bytes) from (
      select (to_jsonb(r) ->> tg_argv[0])::uuid as owner, count(*) as records, sum((octet_length(r::text) / 64 + 1) * 64)::bigint as bytes
      from inserted r group by 1 order by 1
    ) c;
  elsif tg_op = 'UPDATE' and tg_nargs = 0 then
    perform switchyard.add_usage(c.owner, 0, c.bytes) from (
      select s.owner, sum(s.bytes)::bigint as bytes from (
        select r.user_id as owner, (octet_length(r::text) / 64 + 1) * 64 as bytes from updated_to r
        union all select r.user_id, (octet_length(r::text) / 64 + 1) * -64 from updated_from r
      ) s group by 1 having sum(s.bytes) <> 0 order by 1
    ) c;
  elsif tg_op = 'UPDATE' then
    perform switchyard.add_usage(c.owner, 0, c.bytes) from (
      select s.owner, sum(s.bytes)::bigint as bytes from (
        select (to_jsonb(r) ->> tg_argv[0])::uuid as owner, (octet_length(r::text) / 64 + 1) * 64 as bytes from updated_to r
        union all select (to_jsonb(r) ->> tg_argv[0])::uuid, (octet_length(r::text) / 64 + 1) * -64 from updated_from r
      ) s group by 1 having sum(s.bytes) <> 0 order by 1
    ) c;
  elsif tg_nargs = 0 then
    perform switchyard.remove_usage(c.owner, c.records, c.bytes) from (
      select r.user_id as owner, count(*) as records, sum((octet_length(r::text) / 64 + 1) * 64)::bigint as bytes
      from deleted r group by 1 order by 1
    ) c;
  else
    perform switchyard.remove_usage(c.owner, c.records, c.bytes) from (
      select (to_jsonb(r) ->> tg_argv[0])::uuid as owner, count(*) as records, sum((octet_length(r::text) / 64 + 1) * 64)::bigint as bytes
      from deleted r group by 1 order by 1
    ) c;
  end if;
  return null;
end $$;

-- Who has nothing any more has no row, which also ends whatever a count may have been off by: after a purge nothing is left.
create function switchyard.remove_usage(p_user_id uuid, p_records bigint, p_bytes bigint) returns void
language plpgsql set search_path = '' as $$
begin
  update switchyard.user_usage set records = records - p_records, bytes = greatest(bytes - p_bytes, 0)
  where user_id = p_user_id;
  delete from switchyard.user_usage where user_id = p_user_id and records <= 0;
end $$;

-- What a user keeps here and may keep: {"records", "bytes", "quota_records", "quota_bytes"}; a quota that is null is none.
create function public.switchyard_usage(p_user_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('records', coalesce(u.records, 0), 'bytes', coalesce(u.bytes, 0),
    'quota_records', q.records, 'quota_bytes', q.bytes)
  from switchyard.quotas q left join switchyard.user_usage u on u.user_id = p_user_id
$$;

-- Null takes a limit away.
create function public.switchyard_set_quotas(p_records bigint, p_bytes bigint) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if p_records < 0 or p_bytes < 0 then
    raise exception 'A quota is 0 or more, or null for no limit.' using errcode = 'invalid_parameter_value';
  end if;
  update switchyard.quotas set records = p_records, bytes = p_bytes
  where records is distinct from p_records or bytes is distinct from p_bytes;
end $$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.add_usage(uuid, bigint, bigint)', 'switchyard.remove_usage(uuid, bigint, bigint)', 'switchyard.count_usage()'
]::regprocedure[]) f;
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_usage(uuid)', 'public.switchyard_set_quotas(bigint, bigint)'
]::regprocedure[]) f;

-- The tables that there are, with what is in them: in one statement, because a push runs each in a transaction of its own, and
-- nothing may be written between the count and the trigger that goes on counting. Writers wait, readers do not.
do $$
declare
  v_table record;
  v_owner text;
begin
  perform set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO', true);
  for v_table in
    select name, owner_column as owner from switchyard.collections
    where owner_column is not null and to_regclass(format('public.%I', name)) is not null
    order by position
  loop
    execute format('lock table public.%I in share row exclusive mode', v_table.name);
    v_owner := case when v_table.owner = 'user_id' then '' else quote_literal(v_table.owner) end;
    execute format('create trigger switchyard_usage_insert after insert on public.%I
      referencing new table as inserted for each statement execute function switchyard.count_usage(%s)', v_table.name, v_owner);
    execute format('create trigger switchyard_usage_update after update on public.%I
      referencing old table as updated_from new table as updated_to
      for each statement execute function switchyard.count_usage(%s)', v_table.name, v_owner);
    execute format('create trigger switchyard_usage_delete after delete on public.%I
      referencing old table as deleted for each statement execute function switchyard.count_usage(%s)', v_table.name, v_owner);
    execute format('alter table public.%I enable always trigger switchyard_usage_insert', v_table.name);
    execute format('alter table public.%I enable always trigger switchyard_usage_update', v_table.name);
    execute format('alter table public.%I enable always trigger switchyard_usage_delete', v_table.name);
    execute format(
      'insert into switchyard.user_usage as u (user_id, records, bytes)
       select r.%2$I, count(*), sum((octet_length(r::text) / 64 + 1) * 64) from public.%1$I r group by 1
       on conflict (user_id) do update set records = u.records + excluded.records, bytes = u.bytes + excluded.bytes',
      v_table.name, v_table.owner);
  end loop;
end $$;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
