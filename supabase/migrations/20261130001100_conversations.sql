-- plane: control
-- Conversation records. Printed by: switchyard collection sql conversations

-- Records stay where they are whoever owns them, so an id is theirs alone. The second key is for references, which name
-- the owner, too, because foreign keys look past row-level security.
create table public.conversations (
  conversation_id uuid not null,
  id uuid not null,
  kind text collate "C" not null check (kind in ('pair', 'group')),
  name text collate "C" check (switchyard.is_text(name, 1, 200)),
  created_by uuid not null,
  create_hash text check (char_length(create_hash) <= 200),
  seen jsonb not null,
  version bigint not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  constraint conversations_pkey primary key (id),
  constraint conversations_conversation_id_id_key unique (conversation_id, id),
  -- by hand: a conversation is a room, and its own only record
  constraint conversations_is_its_room check (id = conversation_id)
);

-- Pages are read in index order, for every sort of the API; deleting looks for what refers to a record.
create index conversations_kind_idx on public.conversations (conversation_id, kind, created_at, id);
create index conversations_created_by_idx on public.conversations (conversation_id, created_by, created_at, id);
create index conversations_created_at_idx on public.conversations (conversation_id, created_at, id);

-- By hand: how many somebody has made is limited.
create index conversations_made_idx on public.conversations (created_by);

-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out.
-- A record is seen by the members of its room, and by whose it is. (Who asks, and what rooms they are in, is looked
-- up once in a statement, in selects of their own; the rooms by a function that looks past the members' own
-- row-level security.)
-- Nobody writes here but the system's functions.
alter table public.conversations enable row level security;
create policy conversations_select on public.conversations for select to authenticated
  using (conversation_id = any ((select switchyard.memberships('conversation_members'))::uuid[]) and (select case when switchyard.is_here('supabase') then auth.uid() end) is not null);

-- Supabase's default privileges grant everything by name, so it is taken away by name. Version and times are the
-- trigger's; the id, the owner and the hash of the request that created a record never change. Nobody may truncate:
-- that leaves no tombstones.
revoke all on public.conversations from public, anon, authenticated, service_role;
grant select on public.conversations to authenticated;
grant select, insert, update, delete on public.conversations to service_role;

-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone, no
-- change without a mark.
create trigger switchyard_stamp before insert or update on public.conversations
  for each row execute function switchyard.stamp_replicated('conversation_id');
create trigger switchyard_check_tombstones after insert on public.conversations
  referencing new table as inserted for each statement execute function switchyard.check_replicated_tombstones('conversation_id');
create trigger switchyard_bury after delete on public.conversations
  referencing old table as deleted for each statement execute function switchyard.bury_replicated('conversation_id');
create trigger switchyard_bury_all before truncate on public.conversations
  for each statement execute function switchyard.bury_all_replicated('conversation_id', 'id');
create trigger switchyard_mark_insert after insert on public.conversations
  referencing new table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_mark_update after update on public.conversations
  referencing new table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_mark_delete after delete on public.conversations
  referencing old table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_fence before insert or update or delete or truncate on public.conversations
  for each statement execute function switchyard.refuse_promoted();
alter table public.conversations enable always trigger switchyard_stamp;
alter table public.conversations enable always trigger switchyard_check_tombstones;
alter table public.conversations enable always trigger switchyard_bury;
alter table public.conversations enable always trigger switchyard_bury_all;
alter table public.conversations enable always trigger switchyard_fence;
alter table public.conversations enable always trigger switchyard_mark_insert;
alter table public.conversations enable always trigger switchyard_mark_update;
alter table public.conversations enable always trigger switchyard_mark_delete;

-- Purges and counts read this list.
insert into switchyard.collections (name, placement, owner_column)
values ('conversations', 'replicated', 'conversation_id')
on conflict (name) do nothing;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
