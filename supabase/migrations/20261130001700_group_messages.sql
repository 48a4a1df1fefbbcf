-- plane: control
-- Group message records. Printed by: switchyard collection sql group_messages

-- Records stay where they are whoever owns them, so an id is theirs alone. The second key is for references, which name
-- the owner, too, because foreign keys look past row-level security.
create table public.group_messages (
  channel_id uuid not null,
  id uuid not null,
  sender_id uuid not null,
  content text collate "C" check (switchyard.is_text(content, 1, 4000)),
  file_url text collate "C" check (switchyard.is_text(file_url, 1, 2000) and switchyard.is_web_address(file_url)),
  edited_at timestamptz(3) check (edited_at >= '0001-01-01 00:00:00+00' and edited_at < '10000-01-01 00:00:00+00'),
  is_deleted boolean not null default false,
  create_hash text check (char_length(create_hash) <= 200),
  version bigint not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  constraint group_messages_pkey primary key (id),
  constraint group_messages_channel_id_id_key unique (channel_id, id),
  -- by hand: messages go with their channel
  constraint group_messages_channel_id_fkey foreign key (channel_id) references public.channels (id) on delete cascade,
  constraint group_messages_content_any_of check (is_deleted or num_nonnulls(content, file_url) > 0)
);

-- Pages are read in index order, for every sort of the API; deleting looks for what refers to a record.
create index group_messages_is_deleted_idx on public.group_messages (channel_id, is_deleted, created_at, id);
create index group_messages_created_at_idx on public.group_messages (channel_id, created_at, id);
create index group_messages_by_sender_id_idx on public.group_messages (sender_id, created_at, id);

-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out.
-- A record is seen by the members of its room, and by whose it is. (Who asks, and what rooms they are in, is looked
-- up once in a statement, in selects of their own; the rooms by a function that looks past the members' own
-- row-level security.)
alter table public.group_messages enable row level security;
create policy group_messages_select on public.group_messages for select to authenticated
  using ((channel_id = any ((select switchyard.memberships('channels'))::uuid[]) or sender_id = (select auth.uid())) and (select case when switchyard.is_here('supabase') then auth.uid() end) is not null);
create policy group_messages_insert on public.group_messages for insert to authenticated
  with check (channel_id = any ((select switchyard.memberships('channels'))::uuid[]) and sender_id = (select case when switchyard.is_here('supabase') then auth.uid() end));
create policy group_messages_update on public.group_messages for update to authenticated
  using (channel_id = any ((select switchyard.memberships('channels'))::uuid[]) and sender_id = (select case when switchyard.is_here('supabase') then auth.uid() end));

-- Supabase's default privileges grant everything by name, so it is taken away by name. Version and times are the
-- trigger's; the id, the owner and the hash of the request that created a record never change. Nobody may truncate:
-- that leaves no tombstones.
revoke all on public.group_messages from public, anon, authenticated, service_role;
grant select on public.group_messages to authenticated;
grant insert (
  channel_id, id, sender_id, content, file_url, edited_at, is_deleted, create_hash
) on public.group_messages to authenticated;
grant update (content, file_url, edited_at, is_deleted) on public.group_messages to authenticated;
grant select, insert, update, delete on public.group_messages to service_role;

-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone,
-- nothing that a user keeps without being counted.
create trigger switchyard_stamp before insert or update on public.group_messages
  for each row execute function switchyard.stamp_record('channel_id');
create trigger switchyard_check_tombstones after insert on public.group_messages
  referencing new table as inserted for each statement execute function switchyard.check_tombstones('channel_id');
create trigger switchyard_bury after delete on public.group_messages
  referencing old table as deleted for each statement execute function switchyard.bury_records('channel_id');
create trigger switchyard_usage_insert after insert on public.group_messages
  referencing new table as inserted for each statement execute function switchyard.count_usage('sender_id');
create trigger switchyard_usage_update after update on public.group_messages
  referencing old table as updated_from new table as updated_to
  for each statement execute function switchyard.count_usage('sender_id');
create trigger switchyard_usage_delete after delete on public.group_messages
  referencing old table as deleted for each statement execute function switchyard.count_usage('sender_id');
alter table public.group_messages enable always trigger switchyard_stamp;
alter table public.group_messages enable always trigger switchyard_check_tombstones;
alter table public.group_messages enable always trigger switchyard_bury;
alter table public.group_messages enable always trigger switchyard_usage_insert;
alter table public.group_messages enable always trigger switchyard_usage_update;
alter table public.group_messages enable always trigger switchyard_usage_delete;

-- By hand: what a message keeps to, whoever writes it.
create trigger switchyard_message before insert or update on public.group_messages
  for each row execute function switchyard.keep_message();

-- Purges and counts read this list.
insert into switchyard.collections (name, placement, owner_column)
values ('group_messages', 'pinned', 'sender_id')
on conflict (name) do nothing;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
