-- What a hosted Supabase project has before its first migration, as far as migrations and hooks can tell. Safe to
-- repeat. Default privileges come first: they grant everything in public to the API's roles by name, which is what
-- the migrations have to revoke by name.
do $$
declare
  wanted text[] := array['anon', 'authenticated', 'service_role', 'supabase_auth_admin', 'authenticator'];
  name text;
begin
  foreach name in array wanted loop
    if not exists (select from pg_catalog.pg_roles where rolname = name) then
      execute format('create role %I nologin noinherit', name);
      if name = 'service_role' then
        execute 'alter role service_role bypassrls';
      end if;
    end if;
  end loop;
end
$$;

create schema if not exists extensions;
grant usage on schema extensions to anon, authenticated, service_role;
do $$
begin
  if not exists (select from pg_catalog.pg_extension where extname = 'pgcrypto') then
    create extension pgcrypto schema extensions;
  end if;
end
$$;

create schema if not exists auth;
grant usage on schema auth to anon, authenticated, service_role, supabase_auth_admin;
grant usage on schema public to anon, authenticated, service_role;

-- What Auth makes is postgres' to use, as on a hosted project: to read, to refer to and to put triggers on.
do $$
begin
  if current_user <> 'postgres' and exists (select from pg_catalog.pg_roles where rolname = 'postgres') then
    alter default privileges in schema auth grant all on tables to postgres;
  end if;
end
$$;
