-- plane: control
-- Shop records. Printed by: switchyard collection sql shops

-- Records stay where they are whoever owns them, so an id is theirs alone. The second key is for references, which name
-- the owner, too, because foreign keys look past row-level security.
create table public.shops (
  owner_id uuid not null,
  id uuid not null,
  name text collate "C" not null check (switchyard.is_text(name, 1, 200)),
  currency text collate "C" not null check (switchyard.currency_decimals(currency) is not null),
  note text collate "C" check (switchyard.is_text(note, 1, 2000)),
  search_text text collate "C" not null generated always as (substr(coalesce(E'\n' || switchyard.fold(name, 400), '') || coalesce(E'\n' || switchyard.fold(note, 4000), ''), 2)) stored,
  create_hash text check (char_length(create_hash) <= 200),
  seen jsonb not null,
  version bigint not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  constraint shops_pkey primary key (id),
  constraint shops_owner_id_id_key unique (owner_id, id),
  constraint shops_currency_in_use check (switchyard.currency_end(currency) is null)
);

-- Pages are read in index order, for every sort of the API; deleting looks for what refers to a record.
create index shops_name_idx on public.shops (owner_id, name, created_at, id);
create index shops_currency_idx on public.shops (owner_id, currency, created_at, id);
create index shops_created_at_idx on public.shops (owner_id, created_at, id);
create unique index shops_key on public.shops (owner_id);

-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out. A record is its
-- owner's, and only in the database that it is pinned to. (Both are looked up once in a statement, in a select of their
-- own.)
alter table public.shops enable row level security;
create policy shops_select on public.shops for select to authenticated
  using (owner_id = (select auth.uid()) and owner_id = (select case when switchyard.is_here('supabase') then auth.uid() end));
create policy shops_insert on public.shops for insert to authenticated
  with check (owner_id = (select auth.uid()) and owner_id = (select case when switchyard.is_here('supabase') then auth.uid() end));
create policy shops_update on public.shops for update to authenticated
  using (owner_id = (select auth.uid()) and owner_id = (select case when switchyard.is_here('supabase') then auth.uid() end));
create policy shops_delete on public.shops for delete to authenticated
  using (owner_id = (select auth.uid()) and owner_id = (select case when switchyard.is_here('supabase') then auth.uid() end));

-- Supabase's default privileges grant everything by name, so it is taken away by name. Version and times are the
-- trigger's; the id, the owner and the hash of the request that created a record never change. Nobody may truncate:
-- that leaves no tombstones.
revoke all on public.shops from public, anon, authenticated, service_role;
grant select, delete on public.shops to authenticated;
grant insert (owner_id, id, name, currency, note, create_hash) on public.shops to authenticated;
grant update (name, currency, note) on public.shops to authenticated;
grant select, insert, update, delete on public.shops to service_role;

-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone, no
-- change without a mark, nothing that a user keeps without being counted.
create trigger switchyard_stamp before insert or update on public.shops
  for each row execute function switchyard.stamp_replicated('owner_id');
create trigger switchyard_check_tombstones after insert on public.shops
  referencing new table as inserted for each statement execute function switchyard.check_replicated_tombstones('owner_id');
create trigger switchyard_bury after delete on public.shops
  referencing old table as deleted for each statement execute function switchyard.bury_replicated('owner_id');
create trigger switchyard_bury_all before truncate on public.shops
  for each statement execute function switchyard.bury_all_replicated('owner_id');
create trigger switchyard_mark_insert after insert on public.shops
  referencing new table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_mark_update after update on public.shops
  referencing new table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_mark_delete after delete on public.shops
  referencing old table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_usage_insert after insert on public.shops
  referencing new table as inserted for each statement execute function switchyard.count_usage('owner_id');
create trigger switchyard_usage_update after update on public.shops
  referencing old table as updated_from new table as updated_to
  for each statement execute function switchyard.count_usage('owner_id');
create trigger switchyard_usage_delete after delete on public.shops
  referencing old table as deleted for each statement execute function switchyard.count_usage('owner_id');
alter table public.shops enable always trigger switchyard_stamp;
alter table public.shops enable always trigger switchyard_check_tombstones;
alter table public.shops enable always trigger switchyard_bury;
alter table public.shops enable always trigger switchyard_bury_all;
alter table public.shops enable always trigger switchyard_mark_insert;
alter table public.shops enable always trigger switchyard_mark_update;
alter table public.shops enable always trigger switchyard_mark_delete;
alter table public.shops enable always trigger switchyard_usage_insert;
alter table public.shops enable always trigger switchyard_usage_update;
alter table public.shops enable always trigger switchyard_usage_delete;

-- Purges and counts read this list.
insert into switchyard.collections (name, placement, owner_column)
values ('shops', 'replicated', 'owner_id')
on conflict (name) do nothing;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
