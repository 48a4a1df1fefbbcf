-- plane: control
-- Which database this is, and which site each database has.
--
-- plane   the control plane is the one Postgres that has the accounts, the assignments and the tasks; every other
--         Postgres is a data plane (supabase/data-plane/base.sql), and gets the migrations whose first line does not say
--         "plane: control"
-- site    a database's number in the versions that it writes (their last three bits), so that two never write the same

create table switchyard.self (
  is_the_only_row boolean primary key default true check (is_the_only_row),
  -- as in switchyard.databases of the control plane
  name text not null,
  site smallint not null check (site between 1 and 7),
  is_control boolean not null,
  -- of this very database: two ways that should lead to it can be compared
  id uuid not null default gen_random_uuid(),
  -- of this schema, and the lowest revision of the code that may run on it (shared/postgres/revision.ts)
  revision integer not null default 1,
  oldest_code integer not null default 1
);
alter table switchyard.self enable row level security;

-- The site as a constant that Postgres writes into the plans of whatever uses it. Versions are made once a row: reading the
-- table each time made 300,000 of them take 4.4 s, and this 1.4 s, as long as a number in the function's text.
create function switchyard.keep_site() returns trigger
language plpgsql set search_path = '' as $$
begin
  execute format('create or replace function switchyard.site() returns integer language sql immutable as ''select %s''', new.site);
  perform switchyard.seal_function('switchyard.site()'::regprocedure);
  return null;
end $$;
create trigger switchyard_keep_site after insert or update on switchyard.self
  for each row execute function switchyard.keep_site();
select switchyard.seal_function('switchyard.keep_site()'::regprocedure);

insert into switchyard.self (name, site, is_control) values ('supabase', 1, true);

-- Whoever has added rows by hand gets the sites that are left.
alter table switchyard.databases add column site smallint unique check (site between 1 and 7);
update switchyard.databases d set site = numbered.site
from (
  select name, row_number() over (order by name <> 'supabase', name <> 'mongodb', name) as site from switchyard.databases
) numbered
where numbered.name = d.name;
alter table switchyard.databases alter column site set not null;
