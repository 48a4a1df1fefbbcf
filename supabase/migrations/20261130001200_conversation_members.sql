-- plane: control
-- Conversation member records. Printed by: switchyard collection sql conversation_members

-- Records stay where they are whoever owns them, so an id is theirs alone. The second key is for references, which name
-- the owner, too, because foreign keys look past row-level security.
create table public.conversation_members (
  user_id uuid not null,
  id uuid not null,
  conversation_id uuid not null,
  create_hash text check (char_length(create_hash) <= 200),
  seen jsonb not null,
  version bigint not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  constraint conversation_members_pkey primary key (id),
  constraint conversation_members_user_id_id_key unique (user_id, id),
  -- by hand: who is in it goes with the conversation
  constraint conversation_members_conversation_id_fkey
    foreign key (conversation_id) references public.conversations (id) on delete cascade
);

-- Pages are read in index order, for every sort of the API; deleting looks for what refers to a record.
create index conversation_members_conversation_id_idx on public.conversation_members (user_id, conversation_id, created_at, id);
create index conversation_members_created_at_idx on public.conversation_members (user_id, created_at, id);
create index conversation_members_by_conversation_id_idx on public.conversation_members (conversation_id, created_at, id);
create unique index conversation_members_conversation_id_key on public.conversation_members (user_id, conversation_id);

-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out.
-- A record is seen by the members of its room, and by whose it is. (Who asks, and what rooms they are in, is looked
-- up once in a statement, in selects of their own; the rooms by a function that looks past the members' own
-- row-level security.)
-- Nobody writes here but the system's functions.
alter table public.conversation_members enable row level security;
create policy conversation_members_select on public.conversation_members for select to authenticated
  using ((user_id = (select auth.uid()) or conversation_id = any ((select switchyard.memberships('conversation_members'))::uuid[])) and (select case when switchyard.is_here('supabase') then auth.uid() end) is not null);

-- Supabase's default privileges grant everything by name, so it is taken away by name. Version and times are the
-- trigger's; the id, the owner and the hash of the request that created a record never change. Nobody may truncate:
-- that leaves no tombstones.
revoke all on public.conversation_members from public, anon, authenticated, service_role;
grant select on public.conversation_members to authenticated;
grant select, insert, update, delete on public.conversation_members to service_role;

-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone, no
-- change without a mark.
create trigger switchyard_stamp before insert or update on public.conversation_members
  for each row execute function switchyard.stamp_replicated('user_id');
create trigger switchyard_check_tombstones after insert on public.conversation_members
  referencing new table as inserted for each statement execute function switchyard.check_replicated_tombstones('user_id');
create trigger switchyard_bury after delete on public.conversation_members
  referencing old table as deleted for each statement execute function switchyard.bury_replicated('user_id');
create trigger switchyard_bury_all before truncate on public.conversation_members
  for each statement execute function switchyard.bury_all_replicated('user_id', 'id');
create trigger switchyard_mark_insert after insert on public.conversation_members
  referencing new table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_mark_update after update on public.conversation_members
  referencing new table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_mark_delete after delete on public.conversation_members
  referencing old table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_fence before insert or update or delete or truncate on public.conversation_members
  for each statement execute function switchyard.refuse_promoted();
alter table public.conversation_members enable always trigger switchyard_stamp;
alter table public.conversation_members enable always trigger switchyard_check_tombstones;
alter table public.conversation_members enable always trigger switchyard_bury;
alter table public.conversation_members enable always trigger switchyard_bury_all;
alter table public.conversation_members enable always trigger switchyard_fence;
alter table public.conversation_members enable always trigger switchyard_mark_insert;
alter table public.conversation_members enable always trigger switchyard_mark_update;
alter table public.conversation_members enable always trigger switchyard_mark_delete;

-- Purges and counts read this list.
insert into switchyard.collections (name, placement, owner_column)
values ('conversation_members', 'replicated', 'user_id')
on conflict (name) do nothing;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
