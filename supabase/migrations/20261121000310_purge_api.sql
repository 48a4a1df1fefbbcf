-- plane: control
-- How purges are worked off: by the edge function `purge` over REST, and Postgres's own part by pg_cron where it is.

-- Users deleted since then, and not there again: their tokens are to be refused. An array, because REST cuts lists of
-- rows at a limit.
create function public.switchyard_deletions(p_since timestamptz) returns uuid[]
language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(distinct user_id), '{}') from switchyard.purges where deleted_at >= p_since
$$;

-- Is there a task that somebody should take up now?
create function switchyard.purge_pending(p_database text default null) returns boolean
language sql volatile set search_path = '' as $$
  select exists (
    select from switchyard.purge_tasks
    where done_at is null and due_at <= clock_timestamp() and (p_database is null or database = p_database)
      and (leased_until is null or leased_until < clock_timestamp())
  )
$$;

-- Hands out tasks that are due, each to one worker at a time. A worker that dies loses them when the lease is over.
create function public.switchyard_purge_claim(
  p_database text, p_limit integer default 20, p_lease_seconds integer default 15
) returns table (id bigint, user_id uuid, run smallint, attempts integer)
language sql volatile security definer set search_path = '' as $$
  with due as (
    select t.id from switchyard.purge_tasks t
    where t.database = p_database and t.done_at is null and t.due_at <= clock_timestamp()
      and (t.leased_until is null or t.leased_until < clock_timestamp())
    order by t.due_at, t.id
    limit greatest(1, least(p_limit, 1000))
    for update skip locked
  )
  update switchyard.purge_tasks t
  set leased_until = clock_timestamp() + make_interval(secs => p_lease_seconds), attempts = t.attempts + 1
  from due, switchyard.purges p
  where t.id = due.id and p.id = t.purge_id
  returning t.id, p.user_id, t.run, t.attempts
$$;

-- Deletes up to p_limit of a user's records. Collections go in the opposite order of their making, so that references
-- hold whatever is left.
create function switchyard.delete_records(p_user_id uuid, p_limit integer) returns integer
language plpgsql set search_path = '' as $$
declare
  v_deleted integer := 0;
  v_count integer;
  v_table record;
begin
  set constraints all deferred;
  for v_table in
    select 'public.' || quote_ident(name) as name, owner_column as owner, position
    from switchyard.collections where owner_column is not null
    union all select 'switchyard.tombstones', 'user_id', -1
    order by position desc
  loop
    exit when v_deleted >= p_limit;
    continue when to_regclass(v_table.name) is null;
    execute format(
      'delete from %1$s where ctid = any (array(select ctid from %1$s where %2$I = $1 limit $2))',
      v_table.name, v_table.owner
    ) using p_user_id, p_limit - v_deleted;
    get diagnostics v_count = row_count;
    v_deleted := v_deleted + v_count;
  end loop;
  set constraints all immediate;
  return v_deleted;
end $$;

-- Deletes up to p_batch_size of a deleted user's records here and says how many; 0 when none is left.
create function public.switchyard_purge_supabase(p_user_id uuid, p_batch_size integer default 1000) returns integer
language plpgsql security definer set search_path = '' as $$
begin
  if exists (select from auth.users where id = p_user_id and deleted_at is null) then
    return 0;
  end if;
  begin
    return switchyard.delete_records(p_user_id, greatest(1, least(p_batch_size, 100000)));
  exception when foreign_key_violation then
    -- records that refer to their own kind, cut apart by the batch: all at once then
    return switchyard.delete_records(p_user_id, 2147483647);
  end;
end $$;

create function public.switchyard_purge_done(p_id bigint) returns void
language sql security definer set search_path = '' as $$
  update switchyard.purge_tasks set done_at = clock_timestamp(), leased_until = null, last_error = null where id = p_id
$$;

-- Tried again soon, however often it has failed: a database that is back is to be purged within half a minute.
create function public.switchyard_purge_failed(p_id bigint, p_error text default null) returns void
language sql security definer set search_path = '' as $$
  update switchyard.purge_tasks
  set leased_until = null, last_error = left(p_error, 500),
    due_at = clock_timestamp() + make_interval(secs => least(10, 2 ^ least(attempts, 10)))
  where id = p_id and done_at is null
$$;

-- What the project's tokens live at most; second runs that wait are moved.
create function public.switchyard_set_token_lifetime(p_seconds integer) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_before interval := switchyard.token_lifetime();
begin
  insert into switchyard.settings as s (key, value) values ('max_token_lifetime_seconds', p_seconds)
  on conflict (key) do update set value = excluded.value where s.value <> excluded.value;
  if switchyard.token_lifetime() <> v_before then
    update switchyard.purge_tasks t set due_at = p.deleted_at + switchyard.token_lifetime()
    from switchyard.purges p where p.id = t.purge_id and t.run = 2 and t.done_at is null;
  end if;
end $$;

-- Forgets deletions a month after their last task, and those users' history with them.
create function public.switchyard_purge_trim() returns void
language plpgsql security definer set search_path = '' as $$
begin
  with old as (
    select p.id from switchyard.purges p
    where p.deleted_at < now() - interval '30 days'
      and not exists (select from switchyard.purge_tasks t where t.purge_id = p.id and t.done_at is null)
    order by p.deleted_at limit 1000
  ), forgotten as (
    delete from switchyard.purges p using old where p.id = old.id returning p.user_id
  )
  delete from switchyard.assignment_history h using forgotten f
  where h.user_id = f.user_id and h.at < now() - interval '30 days'
    and not exists (select from auth.users u where u.id = h.user_id and u.deleted_at is null);
end $$;

select switchyard.seal_function('switchyard.purge_pending(text)'::regprocedure);
select switchyard.seal_function('switchyard.delete_records(uuid, integer)'::regprocedure);
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_deletions(timestamptz)', 'public.switchyard_purge_claim(text, integer, integer)',
  'public.switchyard_purge_supabase(uuid, integer)', 'public.switchyard_purge_done(bigint)',
  'public.switchyard_purge_failed(bigint, text)', 'public.switchyard_set_token_lifetime(integer)',
  'public.switchyard_purge_trim()'
]::regprocedure[]) f;
