-- What a Postgres that is not the control plane needs before the migrations that are for every Postgres: Neon, RDS, a server
-- of one's own, another Supabase project. `switchyard db prepare` runs it, and may run it again. Whatever Supabase would have
-- made is made here, if it is not there; the rest is what the control plane's own migrations make, as far as it is needed.
--
-- switchyard.self, keep_site and seal_function stand here as they do in those. What has been prepared keeps the table that it
-- has, so a later column, or another body of the functions, comes by a migration without "plane: control", for all alike.

-- Users' calls run as `authenticated`, so that row-level security guards them here, too; grants name the other two.
do $$
declare
  v_role text;
begin
  foreach v_role in array array['anon', 'authenticated', 'service_role'] loop
    if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
      execute format('create role %I nologin noinherit', v_role);
    end if;
  end loop;
  -- since version 16, whoever has made a role may grant it, and not yet take it on
  if not pg_has_role(
    current_user, 'authenticated', case when current_setting('server_version_num')::integer < 160000 then 'MEMBER' else 'SET' end
  ) then
    grant authenticated to current_user;
  end if;
end $$;

-- Who is asking, as on Supabase: the claims of the verified token, which whoever opens the transaction has set.
do $$
begin
  if to_regnamespace('auth') is null then
    create schema auth;
    grant usage on schema auth to authenticated, service_role;
  end if;
  if to_regprocedure('auth.uid()') is null then
    create function auth.uid() returns uuid language sql stable as
      'select (nullif(current_setting(''request.jwt.claims'', true), '''')::jsonb ->> ''sub'')::uuid';
  end if;
end $$;
grant usage on schema public to authenticated, service_role;

create schema if not exists switchyard;
revoke all on schema switchyard from public;

-- As in the control plane: "revoke from public" is not enough where default privileges grant by name.
create or replace function switchyard.seal_function(p_function regprocedure, p_grantees text[] default '{}') returns void
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

create table if not exists switchyard.migrations (
  version text primary key,
  name text not null,
  applied_at timestamptz not null default clock_timestamp()
);

create table if not exists switchyard.collections (
  name text primary key,
  placement text not null,
  owner_column text,
  position integer generated always as identity
);

create table if not exists switchyard.self (
  is_the_only_row boolean primary key default true check (is_the_only_row),
  name text not null,
  site smallint not null check (site between 1 and 7),
  is_control boolean not null,
  id uuid not null default gen_random_uuid(),
  revision integer not null default 1,
  oldest_code integer not null default 1
);

create or replace function switchyard.keep_site() returns trigger
language plpgsql set search_path = '' as $$
begin
  execute format('create or replace function switchyard.site() returns integer language sql immutable as ''select %s''', new.site);
  perform switchyard.seal_function('switchyard.site()'::regprocedure);
  return null;
end $$;
create or replace trigger switchyard_keep_site after insert or update on switchyard.self
  for each row execute function switchyard.keep_site();
select switchyard.seal_function('switchyard.keep_site()'::regprocedure);

-- The fence: only users who are moving or have moved have a row here, so that a token from before does not fit any more
-- (switchyard.is_home). Their accounts are elsewhere, hence no foreign keys.
create table if not exists public.user_database_assignments (
  user_id uuid primary key,
  database_provider text not null,
  epoch integer not null default 1,
  state text not null default 'active' check (state in ('active', 'moving')),
  reason text not null,
  assigned_at timestamptz not null default now()
);
revoke all on public.user_database_assignments from public, anon, authenticated, service_role;

-- No policies: only functions that run with the owner's rights reach these.
alter table switchyard.migrations enable row level security;
alter table switchyard.collections enable row level security;
alter table switchyard.self enable row level security;
alter table public.user_database_assignments enable row level security;
