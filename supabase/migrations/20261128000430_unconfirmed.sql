-- plane: control
-- Sign-ups that nobody confirms. Each has a home, like every user, but takes none of its capacity: a flood of made-up addresses
-- would otherwise lock everybody else out. (To let them have a share of it was the alternative: but everyone who signs up by
-- e-mail begins unconfirmed, so that the flood would fill the share and lock out just those.) The place is taken when the
-- address is confirmed; a database that has filled up meanwhile is over its capacity by those who were on their way.
--
-- unconfirmed  has an address, has confirmed none, and has never signed in: so there has been no token of theirs, and there are
--              no records. After `unconfirmed_days` (switchyard.settings; 7 unless set, 0 for never) they are deleted.

create table switchyard.unconfirmed_users (
  user_id uuid primary key,
  -- where they are counted in unconfirmed_count
  database text not null,
  -- of the sign-up, or of the last mail that asked them to confirm
  since timestamptz not null default clock_timestamp()
);
create index unconfirmed_users_since on switchyard.unconfirmed_users (since);
alter table switchyard.unconfirmed_users enable row level security;
do $$
declare
  v_role text;
begin
  revoke all on switchyard.unconfirmed_users from public;
  for v_role in select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
    execute format('revoke all on switchyard.unconfirmed_users from %I', v_role);
  end loop;
end $$;

alter table switchyard.databases add column unconfirmed_count bigint not null default 0 check (unconfirmed_count >= 0);
comment on column switchyard.databases.unconfirmed_count is 'how many of user_count are in switchyard.unconfirmed_users; kept by triggers';
alter table switchyard.count_changes add column unconfirmed_change bigint not null default 0;

-- As before (*_full_databases.sql), but for the last line.
create or replace view switchyard.candidates as
select d.name, d.user_count / d.weight as load,
  not coalesce(h.healthy, true)
    or coalesce(s.bytes >= d.capacity_bytes * d.full_at_percent / 100, false)
    or coalesce(s.refused_at > clock_timestamp() - interval '5 minutes', false) as down
from switchyard.databases d
left join switchyard.database_health h on h.name = d.name and h.checked_at > clock_timestamp() - interval '1 minute'
left join switchyard.database_state s on s.name = d.name
where d.accepting and (d.capacity_users is null or d.user_count - d.unconfirmed_count < d.capacity_users);

create function switchyard.is_unconfirmed(p_user auth.users) returns boolean
language sql immutable as $$
  select p_user.email_confirmed_at is null and p_user.phone_confirmed_at is null and p_user.last_sign_in_at is null
    and (coalesce(p_user.email, '') <> '' or coalesce(p_user.phone, '') <> '')
$$;
select switchyard.seal_function('switchyard.is_unconfirmed(auth.users)');

-- As before (*_user_changes.sql), and counts those apart. The caller holds the database rows.
create or replace function switchyard.assignment_added() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_unconfirmed integer;
begin
  insert into switchyard.unconfirmed_users (user_id, database)
  select u.id, new.database_provider from auth.users u where u.id = new.user_id and switchyard.is_unconfirmed(u);
  get diagnostics v_unconfirmed = row_count;
  update switchyard.databases
  set user_count = user_count + 1, unconfirmed_count = unconfirmed_count + v_unconfirmed where name = new.database_provider;
  delete from switchyard.purges where user_id = new.user_id;
  if found then
    delete from switchyard.tasks where subject = new.user_id and queue = 'purge';
    update switchyard.revocations set is_lifted = true, changed_at = clock_timestamp(), changed_xid = pg_current_xact_id()
    where user_id = new.user_id and reason = 'deleted';
  end if;
  return null;
end $$;

-- Confirmed, or gone, or (which does not happen) moved: counted like everybody from now on, at commit like all that is given back.
create function switchyard.settle_unconfirmed(p_users uuid[]) returns void
language sql set search_path = '' as $$
  with settled as (
    delete from switchyard.unconfirmed_users where user_id = any (p_users) returning database
  )
  insert into switchyard.count_changes (name, change, unconfirmed_change)
  select database, 0, -count(*) from settled group by database
$$;
select switchyard.seal_function('switchyard.settle_unconfirmed(uuid[])');

create function switchyard.user_confirmed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform switchyard.settle_unconfirmed(array[new.id]);
  return null;
end $$;
select switchyard.seal_function('switchyard.user_confirmed()');
-- Once in a user's life, though Auth updates these columns at every sign-in.
create trigger switchyard_user_confirmed after update of email_confirmed_at, phone_confirmed_at, last_sign_in_at on auth.users
  for each row when (
    old.email_confirmed_at is null and old.phone_confirmed_at is null and old.last_sign_in_at is null
    and (new.email_confirmed_at is not null or new.phone_confirmed_at is not null or new.last_sign_in_at is not null)
  ) execute function switchyard.user_confirmed();

create or replace function switchyard.assignments_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'UPDATE' then
    insert into switchyard.count_changes (name, change)
    select name, sum(n) from (
      select database_provider as name, -1 as n from removed
      union all select database_provider, 1 from added
    ) moved group by name having sum(n) <> 0;
    perform switchyard.settle_unconfirmed(array(
      select r.user_id from removed r join added a on a.user_id = r.user_id and a.database_provider <> r.database_provider
    ));
  else
    insert into switchyard.count_changes (name, change)
    select database_provider, -count(*) from removed group by 1;
    insert into switchyard.assignment_history (user_id, database_provider, epoch, event, reason)
    select user_id, database_provider, epoch, 'released', 'deleted' from removed;
    perform switchyard.settle_unconfirmed(array(select user_id from removed));
  end if;
  return null;
end $$;

create or replace function switchyard.apply_count_change() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform switchyard.lock_databases();
  update switchyard.databases
  set user_count = greatest(0, user_count + new.change),
    unconfirmed_count = greatest(0, unconfirmed_count + new.unconfirmed_change)
  where name = new.name;
  delete from switchyard.count_changes where id = new.id;
  return null;
end $$;

create or replace function switchyard.assignments_truncated() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform switchyard.lock_databases();
  update switchyard.databases set user_count = 0, unconfirmed_count = 0;
  delete from switchyard.unconfirmed_users;
  return null;
end $$;

-- As before, but who has never signed in has no records anywhere: a flood that expires leaves no tasks.
create or replace function switchyard.users_deleted() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_users uuid[];
  v_with_records uuid[];
begin
  select array_agg(g.id), array_agg(g.id) filter (where n.user_id is null) into v_users, v_with_records
  from gone g left join switchyard.unconfirmed_users n on n.user_id = g.id;
  if v_users is not null then
    if v_with_records is not null then
      perform switchyard.queue_purges(v_with_records);
    end if;
    delete from public.user_database_assignments where user_id = any (v_users);
  end if;
  return null;
end $$;

-- Deletes up to p_limit of those whose time is over, and answers how many; 0 while another run is at it. Safe to repeat: one
-- transaction does all of it. Sign-ups wait for no more than its commit.
create function public.switchyard_expire_unconfirmed(p_limit integer default 500) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  v_days numeric := coalesce((
    select case when value ~ '^\d{1,4}$' then value::numeric end from switchyard.settings where key = 'unconfirmed_days'), 7);
  v_until timestamptz := clock_timestamp() - make_interval(secs => (v_days * 86400)::float8);
  v_users uuid[];
begin
  if v_days = 0 or not pg_try_advisory_xact_lock(7205759401) then
    return 0;
  end if;
  -- asked again meanwhile (a mail that was sent once more, an invitation): from then on
  update switchyard.unconfirmed_users n set since = greatest(u.confirmation_sent_at, u.invited_at, u.recovery_sent_at)
  from auth.users u
  where n.user_id in (select user_id from switchyard.unconfirmed_users where since < v_until order by since limit p_limit)
    and u.id = n.user_id and greatest(u.confirmation_sent_at, u.invited_at, u.recovery_sent_at) > n.since;
  -- users first, and whoever is being confirmed now is left alone
  select array_agg(id) into v_users from (
    select u.id from switchyard.unconfirmed_users n join auth.users u on u.id = n.user_id
    where n.since < v_until and switchyard.is_unconfirmed(u)
    order by n.since limit greatest(1, least(p_limit, 10000))
    for update of u skip locked
  ) due;
  if v_users is null then
    return 0;
  end if;
  -- a Supabase Auth server's own go with the user
  if to_regclass('auth.identities') is not null and has_table_privilege('auth.identities', 'delete') then
    execute 'delete from auth.identities where user_id = any ($1)' using v_users;
  end if;
  delete from auth.users where id = any (v_users);
  delete from switchyard.assignment_history where user_id = any (v_users);
  return cardinality(v_users);
end $$;
select switchyard.seal_function('public.switchyard_expire_unconfirmed(integer)', '{service_role}');

-- Those that there are: their time begins now.
do $$
begin
  perform switchyard.lock_databases();
  insert into switchyard.unconfirmed_users (user_id, database)
  select u.id, a.database_provider
  from auth.users u join public.user_database_assignments a on a.user_id = u.id where switchyard.is_unconfirmed(u);
  update switchyard.databases d set unconfirmed_count = (
    select count(*) from switchyard.unconfirmed_users n where n.database = d.name
  );
end $$;

-- Every minute, which is a look at an index while there is nothing to do. (Elsewhere whoever purges does it.)
do $$
begin
  if to_regprocedure('cron.schedule(text, text, text)') is not null then
    perform cron.schedule('switchyard-expire-unconfirmed', '* * * * *', 'select public.switchyard_expire_unconfirmed()');
  end if;
exception when others then
  raise notice 'pg_cron is not there: %', sqlerrm;
end $$;
