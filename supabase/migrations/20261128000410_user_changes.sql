-- plane: control
-- Who fills switchyard.revocations, and how instances read it. (public.switchyard_user_changes stays for instances of the
-- version before this one.)

-- Bans. A row trigger with a condition: Auth updates users at every sign-in, and almost never this column.
create function switchyard.user_banned() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into switchyard.revocations as r (user_id, reason, until, is_lifted)
  -- lifted, or over already: what instances have heard of is taken back
  values (new.id, 'banned', new.banned_until, coalesce(new.banned_until <= clock_timestamp(), true))
  on conflict (user_id, reason) where session_id is null do update
  set until = excluded.until, is_lifted = excluded.is_lifted, changed_at = excluded.changed_at,
    changed_xid = excluded.changed_xid;
  return null;
end $$;
select switchyard.seal_function('switchyard.user_banned()');
create trigger switchyard_user_banned after update of banned_until on auth.users
  for each row when (old.banned_until is distinct from new.banned_until) execute function switchyard.user_banned();

-- Sign-outs: Auth deletes the session. By statement, for a global one deletes many, and nothing else waits for it: signing in
-- and refreshing delete none.
create function switchyard.sessions_ended() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- a deleted user's sessions go with them; the deletion has an entry of its own
  insert into switchyard.revocations (user_id, session_id, reason)
  select g.user_id, g.id, 'signed_out' from gone g join auth.users u on u.id = g.user_id
  on conflict (session_id) where session_id is not null do nothing;
  insert into switchyard.revocations as r (user_id, reason, not_before)
  select distinct g.user_id, 'signed_out', date_trunc('second', clock_timestamp())
  from gone g join auth.users u on u.id = g.user_id
  where not exists (select from auth.sessions s where s.user_id = g.user_id)
  order by 1
  on conflict (user_id, reason) where session_id is null do update
  set not_before = greatest(r.not_before, excluded.not_before), changed_at = excluded.changed_at,
    changed_xid = excluded.changed_xid;
  return null;
end $$;
select switchyard.seal_function('switchyard.sessions_ended()');
-- A hosted project's postgres has the right to put triggers on it. Where it has not, or where there are no sessions, a
-- sign-out ends refreshing, and access when the token does, as everywhere before.
do $$
begin
  if to_regclass('auth.sessions') is null or not has_table_privilege('auth.sessions', 'trigger') then
    raise warning 'switchyard: no trigger on auth.sessions: after a sign-out, access ends when the token does';
    return;
  end if;
  create trigger switchyard_sessions_ended after delete on auth.sessions
    referencing old table as gone for each statement execute function switchyard.sessions_ended();
end $$;

-- Deletions, soft and hard, come through here.
create or replace function switchyard.queue_purges(p_users uuid[]) returns void
language plpgsql set search_path = '' as $$
begin
  insert into switchyard.revocations (user_id, reason)
  select distinct u, 'deleted' from unnest(p_users) u order by 1
  on conflict (user_id, reason) where session_id is null do update
  set is_lifted = false, changed_at = excluded.changed_at, changed_xid = excluded.changed_xid;
  with queued as (
    insert into switchyard.purges (user_id, home)
    select u, a.database_provider
    from unnest(p_users) u left join public.user_database_assignments a on a.user_id = u
    returning id, user_id, home, deleted_at
  )
  insert into switchyard.tasks (queue, database, subject, payload, due_at)
  select 'purge', d.name, q.user_id, jsonb_build_object('purge', q.id, 'run', r.run),
    q.deleted_at + case r.run when 2 then switchyard.token_lifetime() else '0' end
  from queued q
  cross join switchyard.databases d
  cross join (values (1), (2)) r (run)
  -- a database that never took users holds nothing of theirs
  where d.opened_at is not null or d.name = q.home;
end $$;

-- A user who is there again keeps what they write from now on, and is let in.
create or replace function switchyard.assignment_added() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update switchyard.databases set user_count = user_count + 1 where name = new.database_provider;
  delete from switchyard.purges where user_id = new.user_id;
  if found then
    delete from switchyard.tasks where subject = new.user_id and queue = 'purge';
    update switchyard.revocations set is_lifted = true, changed_at = clock_timestamp(), changed_xid = pg_current_xact_id()
    where user_id = new.user_id and reason = 'deleted';
  end if;
  return null;
end $$;

-- Those from before this migration, whose tokens may be alive.
insert into switchyard.revocations (user_id, reason)
select distinct user_id, 'deleted' from switchyard.purges where deleted_at > now() - interval '7 days';
insert into switchyard.revocations (user_id, reason, until)
select id, 'banned', banned_until from auth.users where banned_until > now();

-- One page of what an instance has not read yet, in the order (changed_xid, id):
--   revocations  [{user_id, session_id, reason, not_before, until, is_lifted, changed_at}]; times in seconds since 1970
--   moved        [{user_id, home, epoch}] since p_since, with a first page only
--   next         {xid, id}: from where the next page goes on; null when this was the last
--   horizon      what the next reading begins with: transactions from there on may not have been seen
-- An entry older than p_since, which is older than any token may get, says nothing any more. As JSON, because REST cuts lists
-- of rows at a limit.
create function public.switchyard_list_user_changes(
  p_since timestamptz, p_after_xid text default '0', p_after_id bigint default 0, p_limit integer default 1000
) returns jsonb
language sql stable security definer set search_path = '' as $$
  with page as (
    select r.* from switchyard.revocations r
    where (r.changed_xid, r.id) > (p_after_xid::xid8, p_after_id) and r.changed_at >= p_since
    order by r.changed_xid, r.id
    limit greatest(1, least(p_limit, 5000)) + 1
  ), numbered as (
    select p.*, row_number() over (order by p.changed_xid, p.id) as n from page p
  ), shown as (
    select * from numbered where n <= greatest(1, least(p_limit, 5000))
  )
  select jsonb_build_object(
    'revocations', coalesce((
      select jsonb_agg(jsonb_build_object(
        'user_id', s.user_id, 'session_id', s.session_id, 'reason', s.reason, 'is_lifted', s.is_lifted,
        'not_before', extract(epoch from s.not_before)::float8, 'changed_at', extract(epoch from s.changed_at)::float8,
        -- a ban for good is one until the year 294276, or infinity
        'until', case when isfinite(s.until) then extract(epoch from s.until)::float8 end
      ) order by s.n) from shown s), '[]'),
    'moved', case when p_after_id = 0 then coalesce((
      select jsonb_agg(jsonb_build_object('user_id', a.user_id, 'home', a.database_provider, 'epoch', a.epoch))
      from public.user_database_assignments a where a.epoch > 1 and a.assigned_at >= p_since
    ), '[]') else '[]' end,
    'next', case when (select count(*) from page) > (select count(*) from shown)
      then (select jsonb_build_object('xid', s.changed_xid::text, 'id', s.id) from shown s order by s.n desc limit 1) end,
    'horizon', pg_snapshot_xmin(pg_current_snapshot())::text
  )
$$;
select switchyard.seal_function(
  'public.switchyard_list_user_changes(timestamptz, text, bigint, integer)', '{service_role}');

-- Forgets what no token can be older than: Supabase's longest is a week.
create function switchyard.trim_revocations() returns void
language sql set search_path = '' as $$
  delete from switchyard.revocations where id in (
    select id from switchyard.revocations
    where changed_at < now() - interval '7 days 1 hour' and (is_lifted or until is null or until < now())
    limit 10000
  )
$$;
select switchyard.seal_function('switchyard.trim_revocations()');

create or replace function public.switchyard_purge_trim() returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_users uuid[];
begin
  perform switchyard.trim_revocations();
  with old as (
    select p.id from switchyard.purges p
    where p.deleted_at < now() - interval '30 days'
      and not exists (
        select from switchyard.tasks t where t.subject = p.user_id and t.queue = 'purge' and t.done_at is null
      )
    order by p.deleted_at limit 1000
  ), forgotten as (
    delete from switchyard.purges p using old where p.id = old.id returning p.user_id
  )
  select array_agg(user_id) into v_users from forgotten;
  delete from switchyard.assignment_history h
  where h.user_id = any (v_users) and h.at < now() - interval '30 days'
    and not exists (select from auth.users u where u.id = h.user_id and u.deleted_at is null);
  delete from switchyard.tasks
  where id in (select id from switchyard.tasks where done_at < now() - interval '30 days' limit 10000);
end $$;
