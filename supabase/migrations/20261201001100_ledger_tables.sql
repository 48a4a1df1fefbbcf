-- plane: control
-- A double-entry ledger.
--
-- owner     whose account it is, under a pseudonym: a random id, which alone stands in accounts, transfers and the history.
--           Which user that is, one row here says; when the user is deleted it says so no more, and the books stay whole
-- account   of an owner, in one asset, never below zero; or the system's: `outside` (where deposits come from and
--           withdrawals go), `liquidity` (of exchanges), `yield` (what yields are paid from), which may go below zero
-- transfer  one movement, with the id that its idempotency key gives: the same key is the same transfer
-- entry     what one transfer does to one account. Those of a transfer sum to zero in each asset. `amount` counts up for
--           what the account's owner is owed (credit), whatever the account's normal side is
-- hold      a transfer that is pending: no entry yet, and its amount is not available to who sends it, until it is posted,
--           voided, or over
--
-- A system account is cut into shards, each an account with its own balance and versions, and a movement takes one at random:
-- one row would let all deposits wait for each other. A balance that is only the sum of its entries would not, but then no
-- entry could say what its account's version and balance after it are.

create table public.ledger_owners (
  id uuid primary key default gen_random_uuid(),
  -- null: deleted, which a trigger on auth.users refuses while money is there
  user_id uuid unique references auth.users on delete set null,
  made_at timestamptz(3) not null default clock_timestamp()
);

create table public.ledger_accounts (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid references public.ledger_owners,
  asset text not null references public.assets,
  kind text not null check (kind in ('user', 'outside', 'liquidity', 'yield')),
  normal_side text generated always as (case when kind = 'outside' then 'debit' else 'credit' end) stored,
  may_go_below_zero boolean generated always as (kind <> 'user') stored,
  shard smallint,
  posted numeric(38,0) not null default 0,
  -- the sum of its holds, those that are over but not voided yet among them
  held numeric(38,0) not null default 0 check (held >= 0),
  -- how many entries it has
  version bigint not null default 0,
  opened_at timestamptz(3) not null default clock_timestamp(),
  moved_at timestamptz,
  closed_at timestamptz(3),
  check ((kind = 'user') = (owner_id is not null) and (kind = 'user') = (shard is null)),
  check (kind <> 'user' or posted >= 0),
  check (closed_at is null or (posted = 0 and held = 0))
) with (fillfactor = 70);
create unique index ledger_accounts_open on public.ledger_accounts (owner_id, asset) where kind = 'user' and closed_at is null;
create index ledger_accounts_owned on public.ledger_accounts (owner_id);
create unique index ledger_accounts_shards on public.ledger_accounts (asset, kind, shard) where kind <> 'user';
create index ledger_accounts_asset on public.ledger_accounts (asset) where kind = 'user' and closed_at is null;

create table public.ledger_transfers (
  id uuid primary key,
  kind text not null check (kind in ('deposit', 'withdrawal', 'transfer', 'yield', 'exchange', 'reversal')),
  status text not null check (status in ('pending', 'posted', 'voided')),
  -- null: from, or to, an account of the system
  from_account uuid references public.ledger_accounts,
  to_account uuid references public.ledger_accounts,
  asset text not null references public.assets,
  amount numeric(38,0) not null check (amount > 0),
  -- of an exchange: what comes out
  to_asset text references public.assets,
  to_amount numeric(38,0) check (to_amount > 0),
  reverses uuid unique references public.ledger_transfers,
  description text check (length(description) <= 500),
  -- as they stand on a chain
  network text check (network ~ '^[a-z0-9-]{1,40}$'),
  tx_hash text check (length(tx_hash) between 1 and 200),
  block_number numeric(38,0) check (block_number >= 0),
  gas numeric(78,0) check (gas >= 0),
  raw_amount numeric(78,0) check (raw_amount >= 0),
  -- by whom: an owner, also when it is an admin; null: the operator, with the secret key
  made_by uuid references public.ledger_owners,
  create_hash text,
  made_at timestamptz(3) not null default clock_timestamp(),
  -- until when a hold holds
  expires_at timestamptz(3),
  settled_at timestamptz(3),
  check ((network is null) = (tx_hash is null)),
  check ((to_asset is null) = (to_amount is null)),
  check (case kind when 'exchange' then to_asset is not null when 'reversal' then true else to_asset is null end),
  check ((kind = 'reversal') = (reverses is not null)),
  check ((status = 'pending') = (settled_at is null) and (status <> 'pending' or expires_at is not null))
);
create unique index ledger_transfers_chain on public.ledger_transfers (network, tx_hash) where tx_hash is not null;
create index ledger_transfers_holds on public.ledger_transfers (from_account, expires_at) where status = 'pending';
create index ledger_transfers_over on public.ledger_transfers (expires_at) where status = 'pending';
create index ledger_transfers_from on public.ledger_transfers (from_account, made_at, id);
create index ledger_transfers_to on public.ledger_transfers (to_account, made_at, id);

create table public.ledger_entries (
  account_id uuid not null references public.ledger_accounts,
  version bigint not null check (version > 0),
  transfer_id uuid not null references public.ledger_transfers,
  asset text not null,
  amount numeric(38,0) not null check (amount <> 0),
  balance_after numeric(38,0) not null,
  at timestamptz not null,
  primary key (account_id, version)
);
create index ledger_entries_transfer on public.ledger_entries (transfer_id);
create index ledger_entries_at on public.ledger_entries (account_id, at);

-- What one asset gives of another, set by the operator; `rate` is of the two as people count them, not of smallest units.
create table public.ledger_rates (
  asset text not null references public.assets,
  to_asset text not null references public.assets,
  rate numeric not null check (rate > 0 and rate < 1e18),
  set_at timestamptz(3) not null default clock_timestamp(),
  primary key (asset, to_asset),
  check (asset <> to_asset)
);

-- The audit trail: who did what to a transfer, an account or a rate, when, in which request, and how it stood before and
-- after. What balances were before and after stands in the entries, which change no more than this does. `seq` is no order
-- of commits.
create table public.ledger_history (
  seq bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  actor uuid,
  db_role text not null default current_user,
  request_id text,
  subject text not null,
  subject_id text not null,
  action text not null,
  before jsonb,
  after jsonb
);
create index ledger_history_subject on public.ledger_history (subject_id, seq);

create function switchyard.ledger_remember() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - 'create_hash' end;
begin
  insert into public.ledger_history (actor, db_role, request_id, subject, subject_id, action, before, after)
  values (
    nullif(current_setting('switchyard.ledger_actor', true), '')::uuid, session_user,
    nullif(current_setting('switchyard.ledger_request', true), ''), tg_table_name,
    coalesce(v_after ->> 'id', concat_ws('/', v_after ->> 'asset', v_after ->> 'to_asset')), lower(tg_op),
    case when tg_op = 'UPDATE' then to_jsonb(old) - 'create_hash' end, v_after
  );
  return null;
end
$$;
create trigger ledger_remember after insert or update on public.ledger_transfers
  for each row execute function switchyard.ledger_remember();
-- the system's own are made by the thousand, and never closed
create trigger ledger_remember_opened after insert on public.ledger_accounts
  for each row when (new.kind = 'user') execute function switchyard.ledger_remember();
create trigger ledger_remember_closed after update of owner_id, asset, kind, closed_at on public.ledger_accounts
  for each row execute function switchyard.ledger_remember();
create trigger ledger_remember after insert or update on public.ledger_rates
  for each row execute function switchyard.ledger_remember();

-- Not by whoever owns the tables either, in any ordinary statement: that takes an ALTER TABLE, which is no application's.
create function switchyard.ledger_refuse() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise exception 'The ledger is written once: % refuses %.', tg_table_name, lower(tg_op) using errcode = 'insufficient_privilege';
end
$$;
create trigger ledger_final before update or delete or truncate on public.ledger_history
  for each statement execute function switchyard.ledger_refuse();
create trigger ledger_final before update or delete or truncate on public.ledger_entries
  for each statement execute function switchyard.ledger_refuse();
create trigger ledger_final before delete or truncate on public.ledger_transfers
  for each statement execute function switchyard.ledger_refuse();
create trigger ledger_final before delete or truncate on public.ledger_accounts
  for each statement execute function switchyard.ledger_refuse();

-- Of a transfer only its state changes, once, and what a chain says of it is added then.
create function switchyard.ledger_settle_once() returns trigger
language plpgsql set search_path = '' as $$
declare
  v_may text[] := case
    when old.network is null then '{status,settled_at,network,tx_hash,block_number,gas,raw_amount}'::text[]
    else '{status,settled_at}'::text[]
  end;
begin
  if old.status <> 'pending' or new.status = 'pending' or to_jsonb(old) - v_may <> to_jsonb(new) - v_may then
    raise exception 'The ledger is written once: a transfer is posted or voided, and nothing else.'
    using errcode = 'insufficient_privilege';
  end if;
  return new;
end
$$;
create trigger ledger_settle_once before update on public.ledger_transfers
  for each row execute function switchyard.ledger_settle_once();

-- Also for a session that replicates.
do $$
declare
  v_trigger record;
begin
  for v_trigger in
    select t.tgname, t.tgrelid::regclass as table_name from pg_trigger t join pg_class c on c.oid = t.tgrelid
    where c.relnamespace = 'public'::regnamespace and t.tgname like 'ledger\_%' and not t.tgisinternal
  loop
    execute format('alter table %s enable always trigger %I', v_trigger.table_name, v_trigger.tgname);
  end loop;
end $$;

-- Whose accounts the caller may see: their pseudonym, null without one.
create function switchyard.ledger_owner() returns uuid
language sql stable security definer set search_path = '' as $$
  select id from public.ledger_owners where user_id = auth.uid()
$$;

-- Owners read what is theirs, and nobody writes a table: only the functions do. Nobody, the service included, reads who is
-- behind a pseudonym.
alter table public.ledger_owners enable row level security;
alter table public.ledger_accounts enable row level security;
alter table public.ledger_transfers enable row level security;
alter table public.ledger_entries enable row level security;
alter table public.ledger_rates enable row level security;
alter table public.ledger_history enable row level security;
create policy ledger_accounts_select on public.ledger_accounts for select to authenticated
  using (owner_id = (select switchyard.ledger_owner()));
create policy ledger_entries_select on public.ledger_entries for select to authenticated
  using (account_id in (select a.id from public.ledger_accounts a where a.owner_id = (select switchyard.ledger_owner())));
create policy ledger_transfers_select on public.ledger_transfers for select to authenticated
  using (
    from_account in (select a.id from public.ledger_accounts a where a.owner_id = (select switchyard.ledger_owner()))
    or to_account in (select a.id from public.ledger_accounts a where a.owner_id = (select switchyard.ledger_owner()))
    -- a yield is of many accounts, and knows them by its entries
    or (to_account is null and id in (select e.transfer_id from public.ledger_entries e))
  );
create policy ledger_rates_select on public.ledger_rates for select to authenticated using (true);
revoke all on public.ledger_owners, public.ledger_accounts, public.ledger_transfers, public.ledger_entries,
  public.ledger_rates, public.ledger_history from public, anon, authenticated, service_role;
revoke all on sequence public.ledger_history_seq_seq from public, anon, authenticated, service_role;
grant select (id, owner_id, asset, kind, posted, held, version, opened_at, closed_at) on public.ledger_accounts to authenticated;
grant select on public.ledger_entries, public.ledger_rates to authenticated;
grant select (
  id, kind, status, from_account, to_account, asset, amount, to_asset, to_amount, reverses, description, network, tx_hash,
  block_number, gas, raw_amount, made_at, expires_at, settled_at
) on public.ledger_transfers to authenticated;
grant select on public.ledger_accounts, public.ledger_transfers, public.ledger_entries, public.ledger_rates,
  public.ledger_history to service_role;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.ledger_remember()', 'switchyard.ledger_refuse()', 'switchyard.ledger_settle_once()'
]::regprocedure[]) f;
select switchyard.seal_function('switchyard.ledger_owner()', '{authenticated}');
