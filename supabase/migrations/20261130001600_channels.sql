-- plane: control
-- Channel records. Printed by: switchyard collection sql channels

-- Records stay where they are whoever owns them, so an id is theirs alone. The second key is for references, which name
-- the owner, too, because foreign keys look past row-level security.
create table public.channels (
  server_id uuid not null,
  id uuid not null,
  name text collate "C" not null check (switchyard.is_text(name, 1, 200)),
  create_hash text check (char_length(create_hash) <= 200),
  version bigint not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  constraint channels_pkey primary key (id),
  constraint channels_server_id_id_key unique (server_id, id),
  -- by hand: channels go with their server
  constraint channels_server_id_fkey foreign key (server_id) references public.servers (id) on delete cascade
);

-- Pages are read in index order, for every sort of the API; deleting looks for what refers to a record.
create index channels_name_idx on public.channels (server_id, name, created_at, id);
create index channels_created_at_idx on public.channels (server_id, created_at, id);

-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out.
-- A record is seen by the members of its room, and by whose it is. (Who asks, and what rooms they are in, is looked
-- up once in a statement, in selects of their own; the rooms by a function that looks past the members' own
-- row-level security.)
-- Nobody writes here but the system's functions.
alter table public.channels enable row level security;
create policy channels_select on public.channels for select to authenticated
  using (server_id = any ((select switchyard.memberships('members'))::uuid[]) and (select case when switchyard.is_here('supabase') then auth.uid() end) is not null);

-- Supabase's default privileges grant everything by name, so it is taken away by name. Version and times are the
-- trigger's; the id, the owner and the hash of the request that created a record never change. Nobody may truncate:
-- that leaves no tombstones.
revoke all on public.channels from public, anon, authenticated, service_role;
grant select on public.channels to authenticated;
grant select, insert, update, delete on public.channels to service_role;

-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone.
create trigger switchyard_stamp before insert or update on public.channels
  for each row execute function switchyard.stamp_record('server_id');
create trigger switchyard_check_tombstones after insert on public.channels
  referencing new table as inserted for each statement execute function switchyard.check_tombstones('server_id');
create trigger switchyard_bury after delete on public.channels
  referencing old table as deleted for each statement execute function switchyard.bury_records('server_id');
alter table public.channels enable always trigger switchyard_stamp;
alter table public.channels enable always trigger switchyard_check_tombstones;
alter table public.channels enable always trigger switchyard_bury;

-- Purges and counts read this list.
insert into switchyard.collections (name, placement, owner_column)
values ('channels', 'pinned', 'server_id')
on conflict (name) do nothing;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
