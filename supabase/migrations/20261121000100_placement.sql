-- plane: control
-- Homes: which database each user's records live in, and how that is decided.
--
-- database   a place that can be a home: one row in switchyard.databases, with how many users it has
-- assignment a user's home: one row in public.user_database_assignments; no row, no home
-- place      what an assignment takes up in its database; counted in user_count, given back when the assignment goes
--
-- Nothing here needs a superuser or the ownership of auth.users: a hosted project's postgres role is enough.

create schema if not exists switchyard;
revoke all on schema switchyard from public;

-- Supabase's default privileges grant what postgres creates in public to anon, authenticated and service_role by name,
-- so that "revoke from public" is not enough. Roles that a plain Postgres does not have are left out.
create function switchyard.seal_function(p_function regprocedure, p_grantees text[] default '{}') returns void
language plpgsql set search_path = '' as $$
declare
  v_role text;
begin
  execute format('revoke all on function %s from public', p_function);
  for v_role in select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
    execute format('revoke all on function %s from %I', p_function, v_role);
  end loop;
  for v_role in select rolname from pg_catalog.pg_roles where rolname = any (p_grantees) loop
    execute format('grant execute on function %s to %I', p_function, v_role);
  end loop;
end $$;
revoke all on function switchyard.seal_function(regprocedure, text[]) from public;

create table switchyard.databases (
  name text primary key check (name ~ '^[a-z][a-z0-9_]{0,40}$'),
  kind text not null check (kind in ('postgres', 'mongodb')),
  accepting boolean not null,
  weight numeric not null default 1 check (weight > 0 and weight < 'Infinity'),
  -- null: no limit
  capacity_users bigint check (capacity_users >= 0),
  user_count bigint not null default 0 check (user_count >= 0),
  -- when it took users for the first time; before that it holds nobody's records
  opened_at timestamptz
);
comment on column switchyard.databases.user_count is 'how many assignments name this database; kept by triggers';

insert into switchyard.databases (name, kind, accepting, opened_at)
values ('supabase', 'postgres', true, now()), ('mongodb', 'mongodb', false, null);

-- Apart from the table above, whose rows every sign-up locks. A report counts for a minute; no report counts as up.
create table switchyard.database_health (
  name text primary key references switchyard.databases on delete cascade,
  healthy boolean not null,
  error text,
  checked_at timestamptz not null
);

-- What the application keeps, parents before those that refer to them: each collection's migration adds its row.
create table switchyard.collections (
  name text primary key,
  placement text not null,
  -- the column that names the owner; null where rows belong to nobody alone
  owner_column text,
  position integer generated always as identity
);

create table public.user_database_assignments (
  -- no cascade: deleting many users takes their assignments away in one statement (see switchyard.users_deleted)
  user_id uuid primary key references auth.users (id) deferrable initially deferred,
  database_provider text not null references switchyard.databases (name),
  epoch integer not null default 1,
  state text not null default 'active' check (state in ('active', 'moving')),
  reason text not null,
  assigned_at timestamptz not null default now()
);

-- Users may read their own row and nothing else; policies of other tables look here for "at home in supabase".
alter table public.user_database_assignments enable row level security;
create policy "users see their own home" on public.user_database_assignments
  for select using (user_id = (select auth.uid()));
do $$
declare
  v_role text;
begin
  revoke all on public.user_database_assignments from public;
  for v_role in select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
    execute format('revoke all on public.user_database_assignments from %I', v_role);
    if v_role <> 'anon' then
      execute format('grant select on public.user_database_assignments to %I', v_role);
    end if;
  end loop;
end $$;

create table switchyard.assignment_history (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  database_provider text not null,
  epoch integer not null,
  event text not null check (event in ('assigned', 'released')),
  reason text not null,
  at timestamptz not null default clock_timestamp()
);
create index assignment_history_user on switchyard.assignment_history (user_id);

-- Counting ----------------------------------------------------------------------------------------------------------
-- Whoever assigns, or changes user_count, first locks every database row, in name order: no two ways in can wait for each
-- other. Who inserts assignments by hand calls lock_databases() first.

create function switchyard.lock_databases() returns void
language plpgsql set search_path = '' as $$
begin
  perform 1 from switchyard.databases order by name for update;
end $$;

-- By row: sign-ups come one at a time and hold the rows already, and a transition table would cost each a tenth more.
create function switchyard.assignment_added() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update switchyard.databases set user_count = user_count + 1 where name = new.database_provider;
  return null;
end $$;
create trigger switchyard_assignment_added after insert on public.user_database_assignments
  for each row execute function switchyard.assignment_added();

-- Places are given back at commit, not in the statement: a transaction that deletes one user and then another would
-- otherwise hold the database rows while it waits for the second user's row, whose deleter waits for the database rows.
create table switchyard.count_changes (
  id bigint generated always as identity primary key,
  name text not null,
  change bigint not null
);

create function switchyard.assignments_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'UPDATE' then
    insert into switchyard.count_changes (name, change)
    select name, sum(n) from (
      select database_provider as name, -1 as n from removed
      union all select database_provider, 1 from added
    ) moved group by name having sum(n) <> 0;
  else
    insert into switchyard.count_changes (name, change)
    select database_provider, -count(*) from removed group by 1;
    insert into switchyard.assignment_history (user_id, database_provider, epoch, event, reason)
    select user_id, database_provider, epoch, 'released', 'deleted' from removed;
  end if;
  return null;
end $$;
create trigger switchyard_count_removed after delete on public.user_database_assignments
  referencing old table as removed for each statement execute function switchyard.assignments_changed();
create trigger switchyard_count_moved after update on public.user_database_assignments
  referencing old table as removed new table as added
  for each statement execute function switchyard.assignments_changed();

create function switchyard.apply_count_change() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform switchyard.lock_databases();
  update switchyard.databases set user_count = greatest(0, user_count + new.change) where name = new.name;
  delete from switchyard.count_changes where id = new.id;
  return null;
end $$;
create constraint trigger switchyard_apply_count after insert on switchyard.count_changes
  deferrable initially deferred for each row execute function switchyard.apply_count_change();

create function switchyard.assignments_truncated() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform switchyard.lock_databases();
  update switchyard.databases set user_count = 0;
  return null;
end $$;
create trigger switchyard_count_truncated after truncate on public.user_database_assignments
  for each statement execute function switchyard.assignments_truncated();

-- Choosing ----------------------------------------------------------------------------------------------------------

-- Databases that take another user now, with how full they are.
create view switchyard.candidates as
select d.name, d.user_count / d.weight as load, not coalesce(h.healthy, true) as down
from switchyard.databases d
left join switchyard.database_health h on h.name = d.name and h.checked_at > clock_timestamp() - interval '1 minute'
where d.accepting and (d.capacity_users is null or d.user_count < d.capacity_users);

-- Gives a user a home, unless they have one or are gone. The lock and the choice are two statements on purpose: "order by
-- load limit 1 for update" does not sort again after it has waited, and two sign-ups then pick the same database.
-- Sign-ups wait for each other here, so each statement and each call inside counts. No path of its own is set, which costs
-- time, too: the callers are security definer and pin it, and every name is qualified.
create function switchyard.assign(p_user_id uuid, p_to text default null) returns void
language plpgsql as $$
declare
  v_home text;
  v_reason text;
  v_candidate record;
begin
  -- lock_databases(), written out
  perform 1 from switchyard.databases order by name for update;
  if not exists (
    select from auth.users u where u.id = p_user_id and u.deleted_at is null
      and not exists (select from public.user_database_assignments a where a.user_id = u.id)
  ) then
    return;
  end if;
  if p_to is not null then
    select name, 'requested' into v_home, v_reason from switchyard.databases where name = p_to;
    if v_home is null then
      raise exception 'There is no database named "%".', p_to using errcode = 'invalid_parameter_value';
    end if;
  else
    v_reason := 'least_used';
    for v_candidate in select name, down from switchyard.candidates order by load, name loop
      if not v_candidate.down then
        v_home := v_candidate.name;
        exit;
      end if;
      -- the least used one is down
      v_reason := 'fallback';
    end loop;
    if v_home is null then
      raise exception 'No database can take new users at the moment. Please try again later.'
        using hint = 'See switchyard.databases: accepting, capacity_users, and switchyard.database_health.';
    end if;
  end if;
  insert into public.user_database_assignments (user_id, database_provider, reason)
  values (p_user_id, v_home, v_reason);
  insert into switchyard.assignment_history (user_id, database_provider, epoch, event, reason)
  values (p_user_id, v_home, 1, 'assigned', v_reason);
  raise log '%', jsonb_build_object('event', 'assignment', 'user_id', p_user_id, 'home', v_home, 'reason', v_reason);
end $$;

-- Sign-ups ----------------------------------------------------------------------------------------------------------

-- Runs at commit, as whoever inserts users (supabase_auth_admin), hence security definer. Raises when no database can
-- take the user, which rolls the whole sign-up back: no user without a home.
create function switchyard.user_created() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform switchyard.assign(new.id);
  return null;
end $$;

-- Deferred, so that no sign-up holds the database rows while Auth sends its mail inside the transaction.
create constraint trigger switchyard_assign_home after insert on auth.users
  deferrable initially deferred for each row execute function switchyard.user_created();
-- a soft deletion that is taken back
create constraint trigger switchyard_assign_home_again after update of deleted_at on auth.users
  deferrable initially deferred for each row
  when (old.deleted_at is not null and new.deleted_at is null) execute function switchyard.user_created();

-- No policies: only functions that run with the owner's rights reach these, also where a grant slips in one day.
alter table switchyard.databases enable row level security;
alter table switchyard.database_health enable row level security;
alter table switchyard.collections enable row level security;
alter table switchyard.assignment_history enable row level security;
alter table switchyard.count_changes enable row level security;

select switchyard.seal_function(p.oid::regprocedure)
from pg_catalog.pg_proc p where p.pronamespace = 'switchyard'::regnamespace;
