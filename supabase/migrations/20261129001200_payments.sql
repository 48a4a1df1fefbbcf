-- plane: control
-- Payment records. Printed by: switchyard collection sql payments

-- Records stay where they are whoever owns them, so an id is theirs alone. The second key is for references, which name
-- the owner, too, because foreign keys look past row-level security.
create table public.payments (
  owner_id uuid not null,
  id uuid not null,
  customer_id uuid not null,
  reference text collate "C" check (switchyard.is_text(reference, 1, 200)),
  amount numeric(19,4) not null check (amount <> 0 and amount <> 'NaN'),
  currency text collate "C" not null check (switchyard.currency_decimals(currency) is not null),
  date date not null check (date between '0001-01-01' and '9999-12-31'),
  note text collate "C" check (switchyard.is_text(note, 1, 2000)),
  search_text text collate "C" not null generated always as (substr(coalesce(E'\n' || switchyard.fold(reference, 400), '') || coalesce(E'\n' || switchyard.fold(note, 4000), ''), 2)) stored,
  create_hash text check (char_length(create_hash) <= 200),
  seen jsonb not null,
  version bigint not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  constraint payments_pkey primary key (id),
  constraint payments_owner_id_id_key unique (owner_id, id),
  constraint payments_customer_id_fkey
    foreign key (owner_id, customer_id) references public.customers (owner_id, id)
    deferrable initially immediate,
  constraint payments_amount_decimals check (switchyard.fits_currency(amount, currency)),
  constraint payments_currency_in_use check (date <= coalesce(switchyard.currency_end(currency), 'infinity'))
);

-- Pages are read in index order, for every sort of the API; deleting looks for what refers to a record.
create index payments_customer_id_idx on public.payments (owner_id, customer_id, created_at, id);
create index payments_amount_idx on public.payments (owner_id, amount, created_at, id);
create index payments_currency_idx on public.payments (owner_id, currency, created_at, id);
create index payments_date_idx on public.payments (owner_id, date, created_at, id);
create index payments_created_at_idx on public.payments (owner_id, created_at, id);

-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out. A record is its
-- owner's, and only in the database that it is pinned to. (Both are looked up once in a statement, in a select of their
-- own.)
alter table public.payments enable row level security;
create policy payments_select on public.payments for select to authenticated
  using (owner_id = (select auth.uid()) and owner_id = (select case when switchyard.is_here('supabase') then auth.uid() end));
create policy payments_insert on public.payments for insert to authenticated
  with check (owner_id = (select auth.uid()) and owner_id = (select case when switchyard.is_here('supabase') then auth.uid() end));
create policy payments_update on public.payments for update to authenticated
  using (owner_id = (select auth.uid()) and owner_id = (select case when switchyard.is_here('supabase') then auth.uid() end));
create policy payments_delete on public.payments for delete to authenticated
  using (owner_id = (select auth.uid()) and owner_id = (select case when switchyard.is_here('supabase') then auth.uid() end));

-- Supabase's default privileges grant everything by name, so it is taken away by name. Version and times are the
-- trigger's; the id, the owner and the hash of the request that created a record never change. Nobody may truncate:
-- that leaves no tombstones.
revoke all on public.payments from public, anon, authenticated, service_role;
grant select, delete on public.payments to authenticated;
grant insert (
  owner_id, id, customer_id, reference, amount, currency, date, note, create_hash
) on public.payments to authenticated;
grant update (customer_id, reference, amount, currency, date, note) on public.payments to authenticated;
grant select, insert, update, delete on public.payments to service_role;

-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone, no
-- change without a mark, nothing that a user keeps without being counted.
create trigger switchyard_stamp before insert or update on public.payments
  for each row execute function switchyard.stamp_replicated('owner_id');
create trigger switchyard_check_tombstones after insert on public.payments
  referencing new table as inserted for each statement execute function switchyard.check_replicated_tombstones('owner_id');
create trigger switchyard_bury after delete on public.payments
  referencing old table as deleted for each statement execute function switchyard.bury_replicated('owner_id');
create trigger switchyard_bury_all before truncate on public.payments
  for each statement execute function switchyard.bury_all_replicated('owner_id');
create trigger switchyard_mark_insert after insert on public.payments
  referencing new table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_mark_update after update on public.payments
  referencing new table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_mark_delete after delete on public.payments
  referencing old table as changed for each statement execute function switchyard.mark_rows();
create trigger switchyard_usage_insert after insert on public.payments
  referencing new table as inserted for each statement execute function switchyard.count_usage('owner_id');
create trigger switchyard_usage_update after update on public.payments
  referencing old table as updated_from new table as updated_to
  for each statement execute function switchyard.count_usage('owner_id');
create trigger switchyard_usage_delete after delete on public.payments
  referencing old table as deleted for each statement execute function switchyard.count_usage('owner_id');
alter table public.payments enable always trigger switchyard_stamp;
alter table public.payments enable always trigger switchyard_check_tombstones;
alter table public.payments enable always trigger switchyard_bury;
alter table public.payments enable always trigger switchyard_bury_all;
alter table public.payments enable always trigger switchyard_mark_insert;
alter table public.payments enable always trigger switchyard_mark_update;
alter table public.payments enable always trigger switchyard_mark_delete;
alter table public.payments enable always trigger switchyard_usage_insert;
alter table public.payments enable always trigger switchyard_usage_update;
alter table public.payments enable always trigger switchyard_usage_delete;

-- Purges and counts read this list.
insert into switchyard.collections (name, placement, owner_column)
values ('payments', 'replicated', 'owner_id')
on conflict (name) do nothing;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
