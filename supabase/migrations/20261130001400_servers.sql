-- plane: control
-- Server records. Printed by: switchyard collection sql servers

-- Records stay where they are whoever owns them, so an id is theirs alone. The second key is for references, which name
-- the owner, too, because foreign keys look past row-level security.
create table public.servers (
  server_id uuid not null,
  id uuid not null,
  owner_id uuid not null,
  name text collate "C" not null check (switchyard.is_text(name, 1, 200)),
  image_url text collate "C" check (switchyard.is_text(image_url, 1, 2000) and switchyard.is_web_address(image_url)),
  invite_code text collate "C" not null check (switchyard.is_text(invite_code, 16, 64)),
  create_hash text check (char_length(create_hash) <= 200),
  version bigint not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  constraint servers_pkey primary key (id),
  constraint servers_server_id_id_key unique (server_id, id),
  -- by hand: a server is its own only record, as its members see it
  constraint servers_is_itself check (id = server_id),
  -- by hand: one joins by it
  constraint servers_invite_code_key unique (invite_code)
);

-- Pages are read in index order, for every sort of the API; deleting looks for what refers to a record.
create index servers_name_idx on public.servers (server_id, name, created_at, id);
create index servers_invite_code_idx on public.servers (server_id, invite_code, created_at, id);
create index servers_created_at_idx on public.servers (server_id, created_at, id);
create index servers_by_owner_id_idx on public.servers (owner_id, created_at, id);

-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out.
-- A record is seen by the members of its room, and by whose it is. (Who asks, and what rooms they are in, is looked
-- up once in a statement, in selects of their own; the rooms by a function that looks past the members' own
-- row-level security.)
-- Nobody writes here but the system's functions.
alter table public.servers enable row level security;
create policy servers_select on public.servers for select to authenticated
  using ((server_id = any ((select switchyard.memberships('members'))::uuid[]) or owner_id = (select auth.uid())) and (select case when switchyard.is_here('supabase') then auth.uid() end) is not null);

-- Supabase's default privileges grant everything by name, so it is taken away by name. Version and times are the
-- trigger's; the id, the owner and the hash of the request that created a record never change. Nobody may truncate:
-- that leaves no tombstones.
revoke all on public.servers from public, anon, authenticated, service_role;
grant select on public.servers to authenticated;
grant select, insert, update, delete on public.servers to service_role;

-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone.
create trigger switchyard_stamp before insert or update on public.servers
  for each row execute function switchyard.stamp_record('server_id');
create trigger switchyard_check_tombstones after insert on public.servers
  referencing new table as inserted for each statement execute function switchyard.check_tombstones('server_id');
create trigger switchyard_bury after delete on public.servers
  referencing old table as deleted for each statement execute function switchyard.bury_records('server_id');
alter table public.servers enable always trigger switchyard_stamp;
alter table public.servers enable always trigger switchyard_check_tombstones;
alter table public.servers enable always trigger switchyard_bury;

-- Purges and counts read this list.
insert into switchyard.collections (name, placement, owner_column)
values ('servers', 'pinned', 'owner_id')
on conflict (name) do nothing;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
