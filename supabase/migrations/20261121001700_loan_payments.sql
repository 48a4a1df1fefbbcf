-- Loan payment records. Printed by: switchyard collection sql loan_payments

-- Ids are unique per owner: a key over all owners would tell a stranger that an id exists. References name the
-- owner, too, because foreign keys look past row-level security.
create table public.loan_payments (
  user_id uuid not null,
  id uuid not null,
  loan_id uuid not null,
  amount numeric(19,4) not null check (amount > 0 and amount <> 'NaN'),
  date date not null check (date between '0001-01-01' and '9999-12-31'),
  note text collate "C" check (char_length(note) <= 2000),
  note_folded text collate "C" check (char_length(note_folded) <= 40000),
  search_text text collate "C" not null generated always as (substr(coalesce(E'\n' || note_folded, ''), 2)) stored,
  create_hash text check (char_length(create_hash) <= 200),
  version bigint not null,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  constraint loan_payments_pkey primary key (user_id, id),
  constraint loan_payments_loan_id_fkey
    foreign key (user_id, loan_id) references public.loans (user_id, id)
    deferrable initially immediate
);

-- Pages are read in index order, for every sort of the API; deleting looks for what refers to a record.
create index loan_payments_loan_id_idx on public.loan_payments (user_id, loan_id, id);
create index loan_payments_amount_idx on public.loan_payments (user_id, amount, id);
create index loan_payments_date_idx on public.loan_payments (user_id, date, id);
create index loan_payments_created_at_idx on public.loan_payments (user_id, created_at, id);

-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out. A record is its
-- owner's, and only while the owner's home is this database: nobody whose home is MongoDB can leave anything here.
-- (Both are looked up once in a statement. The comparison with 'supabase' stands inside: outside, Postgres takes it for
-- something that one row in 200 passes, and sorts all records of the owner instead of reading them in index order.)
alter table public.loan_payments enable row level security;
create policy loan_payments_owner on public.loan_payments for all to authenticated
  using (
    user_id = (select auth.uid())
    and (select a.database_provider = 'supabase' from public.user_database_assignments a where a.user_id = (select auth.uid()))
  )
  with check (
    user_id = (select auth.uid())
    and (select a.database_provider = 'supabase' from public.user_database_assignments a where a.user_id = (select auth.uid()))
  );

-- Supabase's default privileges grant everything by name, so it is taken away by name. Version and times are the
-- trigger's; the id, the owner and the hash of the request that created a record never change. Nobody may truncate:
-- that leaves no tombstones.
revoke all on public.loan_payments from public, anon, authenticated, service_role;
grant select, delete on public.loan_payments to authenticated;
grant insert (
  user_id, id, loan_id, amount, date, note, note_folded, create_hash
) on public.loan_payments to authenticated;
grant update (loan_id, amount, date, note, note_folded) on public.loan_payments to authenticated;
grant select, insert, update, delete on public.loan_payments to service_role;

-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone.
create trigger switchyard_stamp before insert or update on public.loan_payments
  for each row execute function switchyard.stamp_record();
create trigger switchyard_check_tombstones after insert on public.loan_payments
  referencing new table as inserted for each statement execute function switchyard.check_tombstones();
create trigger switchyard_bury after delete on public.loan_payments
  referencing old table as deleted for each statement execute function switchyard.bury_records();
alter table public.loan_payments enable always trigger switchyard_stamp;
alter table public.loan_payments enable always trigger switchyard_check_tombstones;
alter table public.loan_payments enable always trigger switchyard_bury;

-- Purges and counts read this list.
insert into switchyard.collections (name, placement, owner_column)
values ('loan_payments', 'home', 'user_id')
on conflict (name) do nothing;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
