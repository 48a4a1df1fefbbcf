-- plane: control
-- Direct message records. Printed by: switchyard collection sql direct_messages

-- Records stay where they are whoever owns them, so an id is theirs alone. The second key is for references, which name
-- the owner, too, because foreign keys look past row-level security.
create table public.direct_messages (
  conversation_id uuid not null,
  id uuid not null,
  sender_id uuid not null,
  content text collate "C" check (switchyard.is_text(content, 1, 4000)),
  file_url text collate "C" check (switchyard.is_text(file_url, 1, 2000) and switchyard.is_web_address(file_url)),
  edited_at timestamptz(3) check (edited_at >= '0001-01-01 00:00:00+00' and edited_at < '10000-01-01 00:00:00+00'),
  is_deleted boolean not null default false,
  create_hash text check (char_length(create_hash) <= 200),
  seen jsonb not null,
  version bigint not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  constraint direct_messages_pkey primary key (id),
  constraint direct_messages_conversation_id_id_key unique (conversation_id, id),
  constraint direct_messages_content_any_of check (is_deleted or num_nonnulls(content, file_url) > 0)
);

-- Pages are read in index order, for every sort of the API; deleting looks for what refers to a record.
create index direct_messages_is_deleted_idx on public.direct_messages (conversation_id, is_deleted, created_at, id);
create index direct_messages_created_at_idx on public.direct_messages (conversation_id, created_at, id);
create index direct_messages_by_sender_id_idx on public.direct_messages (sender_id, created_at, id);

-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out.
-- A record is seen by the members of its room, and by whose it is. (Who asks, and what rooms they are in, is looked
-- up once in a statement, in selects of their own; the rooms by a function that looks past the members' own
-- row-level security.)
alter table public.direct_messages enable row level security;
create policy direct_messages_select on public.direct_messages for select to authenticated
  using ((conversation_id = any ((select switchyard.memberships('conversation_members'))::uuid[]) or sender_id = (select auth.uid())) and (select case when switchyard.is_here('supabase') then auth.uid() end) is not null);
create policy direct_messages_insert on public.direct_messages for insert to authenticated
  with check (conversation_id = any ((select switchyard.memberships('conversation_members'))::uuid[]) and sender_id = (select case when switchyard.is_here('supabase') then auth.uid() end));
create policy direct_messages_update on public.direct_messages for update to authenticated
  using (conversation_id = any ((select switchyard.memberships('conversation_members'))::uuid[]) and sender_id = (select case when switchyard.is_here('supabase') then auth.uid() end));

-- Supabase's default privileges grant everything by name, so it is taken away by name. Version and times are the
-- trigger's; the id, the owner and the hash of the request that created a record never change. Nobody may truncate:
-- that leaves no tombstones.
revoke all on public.direct_messages from public, anon, authenticated, service_role;
grant select on public.direct_messages to authenticated;
grant insert (
  conversation_id, id, sender_id, content, file_url, edited_at, is_deleted, create_hash
) on public.direct_messages to authenticated;
grant update (content, file_url, edited_at, is_deleted) on public.direct_messages to authenticated;
grant select, insert, update, delete on public.direct_messages to service_role;

-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone, no
-- change without a mark, nothing that a user keeps without being counted.
create trigger switchyard_stamp before insert or update on public.direct_messages
  for each row execute function switchyard.stamp_replicated('conversation_id');
create trigger switchyard_check_tombstones after insert on public.direct_messages
  referencing new table as inserted for each statement execute function switchyard.check_replicated_tombstones('conversation_id');
create trigger switchyard_bury after delete on public.direct_messages
  referencing old table as deleted for each statement execute function switchyard.bury_replicated('conversation_id');
create trigger switchyard_bury_all before truncate on public.direct_messages
  for each statement execute function switchyard.bury_all_replicated('conversation_id', 'sender_id');
create trigger switchyard_mark_insert after insert on public.direct_messages
  referencing new table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_mark_update after update on public.direct_messages
  referencing new table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_mark_delete after delete on public.direct_messages
  referencing old table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_usage_insert after insert on public.direct_messages
  referencing new table as inserted for each statement execute function switchyard.count_usage('sender_id');
create trigger switchyard_usage_update after update on public.direct_messages
  referencing old table as updated_from new table as updated_to
  for each statement execute function switchyard.count_usage('sender_id');
create trigger switchyard_usage_delete after delete on public.direct_messages
  referencing old table as deleted for each statement execute function switchyard.count_usage('sender_id');
create trigger switchyard_fence before insert or update or delete or truncate on public.direct_messages
  for each statement execute function switchyard.refuse_promoted();
alter table public.direct_messages enable always trigger switchyard_stamp;
alter table public.direct_messages enable always trigger switchyard_check_tombstones;
alter table public.direct_messages enable always trigger switchyard_bury;
alter table public.direct_messages enable always trigger switchyard_bury_all;
alter table public.direct_messages enable always trigger switchyard_fence;
alter table public.direct_messages enable always trigger switchyard_mark_insert;
alter table public.direct_messages enable always trigger switchyard_mark_update;
alter table public.direct_messages enable always trigger switchyard_mark_delete;
alter table public.direct_messages enable always trigger switchyard_usage_insert;
alter table public.direct_messages enable always trigger switchyard_usage_update;
alter table public.direct_messages enable always trigger switchyard_usage_delete;

-- By hand: what a message keeps to, whoever writes it.
create trigger switchyard_message before insert or update on public.direct_messages
  for each row execute function switchyard.keep_message();

-- Purges and counts read this list.
insert into switchyard.collections (name, placement, owner_column, scope_column, takes_writes_behind)
values ('direct_messages', 'replicated', 'sender_id', 'conversation_id', true)
on conflict (name) do nothing;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
