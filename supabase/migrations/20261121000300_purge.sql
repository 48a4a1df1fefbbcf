-- plane: control
-- Deletions: the place is given back, and the user's records are purged from every database that may hold some.
--
-- purge  one deletion of a user (soft or hard)
-- task   its work in one database, done twice: at once, and again when no token of theirs can be alive any more, for
--        what was written in between. A task is claimed with a lease; one that fails is tried again until it succeeds.

create table switchyard.settings (
  key text primary key,
  value text not null
);
comment on table switchyard.settings is 'max_token_lifetime_seconds; functions_url and secret_key unless the vault has switchyard_functions_url and switchyard_secret_key';

create table switchyard.purges (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  -- null when an earlier deletion took it
  home text,
  deleted_at timestamptz not null default clock_timestamp()
);
create index purges_user on switchyard.purges (user_id);
create index purges_deleted_at on switchyard.purges (deleted_at);

create table switchyard.purge_tasks (
  id bigint generated always as identity primary key,
  purge_id bigint not null references switchyard.purges on delete cascade,
  database text not null,
  -- 1: at once; 2: after the longest token lifetime
  run smallint not null check (run in (1, 2)),
  due_at timestamptz not null,
  leased_until timestamptz,
  attempts integer not null default 0,
  last_error text,
  done_at timestamptz,
  unique (purge_id, database, run)
);
create index purge_tasks_due on switchyard.purge_tasks (database, due_at) where done_at is null;

alter table switchyard.settings enable row level security;
alter table switchyard.purges enable row level security;
alter table switchyard.purge_tasks enable row level security;

-- The longest time that a token lives on, and a margin for clocks.
create function switchyard.token_lifetime() returns interval
language sql stable set search_path = '' as $$
  select make_interval(secs => 300 + coalesce(
    (select value::numeric from switchyard.settings where key = 'max_token_lifetime_seconds'), 3600)::float8)
$$;

create function switchyard.queue_purges(p_users uuid[]) returns void
language plpgsql set search_path = '' as $$
begin
  with queued as (
    insert into switchyard.purges (user_id, home)
    select u, a.database_provider
    from unnest(p_users) u left join public.user_database_assignments a on a.user_id = u
    returning id, home, deleted_at
  )
  insert into switchyard.purge_tasks (purge_id, database, run, due_at)
  select q.id, d.name, r.run, q.deleted_at + case r.run when 2 then switchyard.token_lifetime() else '0' end
  from queued q
  cross join switchyard.databases d
  cross join (values (1), (2)) r (run)
  -- a database that never took users holds nothing of theirs
  where d.opened_at is not null or d.name = q.home;
end $$;

-- By statement: deleting many users changes each count once. The assignments' own trigger counts.
create function switchyard.users_deleted() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_users uuid[];
begin
  select array_agg(id) into v_users from gone;
  if v_users is not null then
    perform switchyard.queue_purges(v_users);
    delete from public.user_database_assignments where user_id = any (v_users);
  end if;
  return null;
end $$;
create trigger switchyard_users_deleted after delete on auth.users
  referencing old table as gone for each statement execute function switchyard.users_deleted();

-- A row trigger with a condition: Auth updates users at every sign-in, and a statement-level trigger would run each time.
create function switchyard.user_soft_deleted() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- deleted for good, or restored, in the same transaction: that trigger has done the work
  if exists (select from auth.users where id = new.id and deleted_at is not null) then
    perform switchyard.queue_purges(array[new.id]);
    delete from public.user_database_assignments where user_id = new.id;
  end if;
  return null;
end $$;
create constraint trigger switchyard_user_soft_deleted after update of deleted_at on auth.users
  deferrable initially deferred for each row
  when (old.deleted_at is null and new.deleted_at is not null) execute function switchyard.user_soft_deleted();

-- A user who is there again (restored, or made anew with the same id) must not lose what they write from now on. Here and
-- not in a trigger of its own, which every sign-up would wait for.
create or replace function switchyard.assignment_added() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update switchyard.databases set user_count = user_count + 1 where name = new.database_provider;
  delete from switchyard.purges where user_id = new.user_id;
  return null;
end $$;

select switchyard.seal_function(p.oid::regprocedure)
from pg_catalog.pg_proc p where p.pronamespace = 'switchyard'::regnamespace;
