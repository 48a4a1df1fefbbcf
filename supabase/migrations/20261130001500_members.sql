-- plane: control
-- Member records. Printed by: switchyard collection sql members

-- Records stay where they are whoever owns them, so an id is theirs alone. The second key is for references, which name
-- the owner, too, because foreign keys look past row-level security.
create table public.members (
  user_id uuid not null,
  id uuid not null,
  server_id uuid not null,
  create_hash text check (char_length(create_hash) <= 200),
  version bigint not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  constraint members_pkey primary key (id),
  constraint members_user_id_id_key unique (user_id, id),
  -- by hand: who is in it goes with the server
  constraint members_server_id_fkey foreign key (server_id) references public.servers (id) on delete cascade
);

-- Pages are read in index order, for every sort of the API; deleting looks for what refers to a record.
create index members_server_id_idx on public.members (user_id, server_id, created_at, id);
create index members_created_at_idx on public.members (user_id, created_at, id);
create index members_by_server_id_idx on public.members (server_id, created_at, id);
create unique index members_server_id_key on public.members (user_id, server_id);

-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out.
-- A record is seen by the members of its room, and by whose it is. (Who asks, and what rooms they are in, is looked
-- up once in a statement, in selects of their own; the rooms by a function that looks past the members' own
-- row-level security.)
-- Nobody writes here but the system's functions.
alter table public.members enable row level security;
create policy members_select on public.members for select to authenticated
  using ((user_id = (select auth.uid()) or server_id = any ((select switchyard.memberships('members'))::uuid[])) and (select case when switchyard.is_here('supabase') then auth.uid() end) is not null);

-- Supabase's default privileges grant everything by name, so it is taken away by name. Version and times are the
-- trigger's; the id, the owner and the hash of the request that created a record never change. Nobody may truncate:
-- that leaves no tombstones.
revoke all on public.members from public, anon, authenticated, service_role;
grant select on public.members to authenticated;
grant select, insert, update, delete on public.members to service_role;

-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone.
create trigger switchyard_stamp before insert or update on public.members
  for each row execute function switchyard.stamp_record();
create trigger switchyard_check_tombstones after insert on public.members
  referencing new table as inserted for each statement execute function switchyard.check_tombstones();
create trigger switchyard_bury after delete on public.members
  referencing old table as deleted for each statement execute function switchyard.bury_records();
alter table public.members enable always trigger switchyard_stamp;
alter table public.members enable always trigger switchyard_check_tombstones;
alter table public.members enable always trigger switchyard_bury;

-- Purges and counts read this list.
insert into switchyard.collections (name, placement, owner_column)
values ('members', 'pinned', 'user_id')
on conflict (name) do nothing;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
