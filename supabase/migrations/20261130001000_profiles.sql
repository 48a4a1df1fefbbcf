-- plane: control
-- Profile records. Printed by: switchyard collection sql profiles

-- Records stay where they are whoever owns them, so an id is theirs alone. The second key is for references, which name
-- the owner, too, because foreign keys look past row-level security.
create table public.profiles (
  user_id uuid not null,
  id uuid not null,
  name text collate "C" not null check (switchyard.is_text(name, 1, 200)),
  image_url text collate "C" check (switchyard.is_text(image_url, 1, 2000) and switchyard.is_web_address(image_url)),
  create_hash text check (char_length(create_hash) <= 200),
  seen jsonb not null,
  version bigint not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  constraint profiles_pkey primary key (id),
  constraint profiles_user_id_id_key unique (user_id, id)
);

-- Pages are read in index order, for every sort of the API; deleting looks for what refers to a record.
create index profiles_name_idx on public.profiles (user_id, name, created_at, id);
create index profiles_created_at_idx on public.profiles (user_id, created_at, id);
create unique index profiles_key on public.profiles (user_id);

-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out.
-- Whoever is signed in reads every record, and writes their own.
alter table public.profiles enable row level security;
create policy profiles_select on public.profiles for select to authenticated
  using ((select case when switchyard.is_here('supabase') then auth.uid() end) is not null);
create policy profiles_insert on public.profiles for insert to authenticated
  with check (user_id = (select auth.uid()) and user_id = (select case when switchyard.is_here('supabase') then auth.uid() end));
create policy profiles_update on public.profiles for update to authenticated
  using (user_id = (select auth.uid()) and user_id = (select case when switchyard.is_here('supabase') then auth.uid() end));
create policy profiles_delete on public.profiles for delete to authenticated
  using (user_id = (select auth.uid()) and user_id = (select case when switchyard.is_here('supabase') then auth.uid() end));

-- Supabase's default privileges grant everything by name, so it is taken away by name. Version and times are the
-- trigger's; the id, the owner and the hash of the request that created a record never change. Nobody may truncate:
-- that leaves no tombstones.
revoke all on public.profiles from public, anon, authenticated, service_role;
grant select, delete on public.profiles to authenticated;
grant insert (user_id, id, name, image_url, create_hash) on public.profiles to authenticated;
grant update (name, image_url) on public.profiles to authenticated;
grant select, insert, update, delete on public.profiles to service_role;

-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone, no
-- change without a mark, nothing that a user keeps without being counted.
create trigger switchyard_stamp before insert or update on public.profiles
  for each row execute function switchyard.stamp_replicated('user_id');
create trigger switchyard_check_tombstones after insert on public.profiles
  referencing new table as inserted for each statement execute function switchyard.check_replicated_tombstones('user_id');
create trigger switchyard_bury after delete on public.profiles
  referencing old table as deleted for each statement execute function switchyard.bury_replicated('user_id');
create trigger switchyard_bury_all before truncate on public.profiles
  for each statement execute function switchyard.bury_all_replicated('user_id');
create trigger switchyard_mark_insert after insert on public.profiles
  referencing new table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_mark_update after update on public.profiles
  referencing new table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_mark_delete after delete on public.profiles
  referencing old table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_usage_insert after insert on public.profiles
  referencing new table as inserted for each statement execute function switchyard.count_usage();
create trigger switchyard_usage_update after update on public.profiles
  referencing old table as updated_from new table as updated_to
  for each statement execute function switchyard.count_usage();
create trigger switchyard_usage_delete after delete on public.profiles
  referencing old table as deleted for each statement execute function switchyard.count_usage();
create trigger switchyard_fence before insert or update or delete or truncate on public.profiles
  for each statement execute function switchyard.refuse_promoted();
alter table public.profiles enable always trigger switchyard_stamp;
alter table public.profiles enable always trigger switchyard_check_tombstones;
alter table public.profiles enable always trigger switchyard_bury;
alter table public.profiles enable always trigger switchyard_bury_all;
alter table public.profiles enable always trigger switchyard_fence;
alter table public.profiles enable always trigger switchyard_mark_insert;
alter table public.profiles enable always trigger switchyard_mark_update;
alter table public.profiles enable always trigger switchyard_mark_delete;
alter table public.profiles enable always trigger switchyard_usage_insert;
alter table public.profiles enable always trigger switchyard_usage_update;
alter table public.profiles enable always trigger switchyard_usage_delete;

-- Purges and counts read this list.
insert into switchyard.collections (name, placement, owner_column)
values ('profiles', 'replicated', 'user_id')
on conflict (name) do nothing;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
