-- plane: control
-- What a user sees, for the API. A null p_user_id is the operator, who sees every transfer.

create function public.ledger_read_assets() returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_agg(to_jsonb(a) order by a.kind, a.code) from public.assets a
$$;

create function public.ledger_read_accounts(p_user_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(switchyard.ledger_account(a.id, null) order by a.asset, a.opened_at, a.id), '[]')
  from public.ledger_owners o join public.ledger_accounts a on a.owner_id = o.id
  where o.user_id = p_user_id
$$;

-- Null: there is none for that user, or was none then.
create function public.ledger_read_account(p_user_id uuid, p_account uuid, p_as_of timestamptz default null) returns jsonb
language sql stable security definer set search_path = '' as $$
  select switchyard.ledger_account(a.id, p_as_of)
  from public.ledger_owners o join public.ledger_accounts a on a.owner_id = o.id
  where o.user_id = p_user_id and a.id = p_account
$$;

-- The newest first, below that version when one is given.
create function public.ledger_read_entries(
  p_user_id uuid, p_account uuid, p_limit integer default 50, p_below bigint default null
) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'version', e.version, 'transfer_id', e.transfer_id, 'kind', t.kind, 'asset', e.asset, 'description', t.description,
    'amount', switchyard.ledger_decimal(e.amount, s.scale),
    'balance_after', switchyard.ledger_decimal(e.balance_after, s.scale), 'booked_at', e.at
  ) order by e.version desc), '[]')
  from (
    select en.* from public.ledger_owners o
    join public.ledger_accounts a on a.owner_id = o.id
    join public.ledger_entries en on en.account_id = a.id
    where o.user_id = p_user_id and a.id = p_account and (p_below is null or en.version < p_below)
    order by en.version desc limit least(greatest(p_limit, 1), 1000)
  ) e
  join public.ledger_transfers t on t.id = e.transfer_id join public.assets s on s.code = e.asset
$$;

-- Does a transfer touch an account of theirs?
create function switchyard.ledger_touches(p_transfer public.ledger_transfers, p_user_id uuid) returns boolean
language sql stable set search_path = '' as $$
  select exists (
    select from public.ledger_owners o join public.ledger_accounts a on a.owner_id = o.id
    where o.user_id = p_user_id and (
      a.id in (p_transfer.from_account, p_transfer.to_account)
      or (p_transfer.from_account is null or p_transfer.to_account is null) and exists (
        select from public.ledger_entries e where e.transfer_id = p_transfer.id and e.account_id = a.id
      )
    )
  )
$$;

create function public.ledger_read_transfer(p_user_id uuid, p_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
  select switchyard.ledger_show(t) from public.ledger_transfers t
  where t.id = p_id and (p_user_id is null or switchyard.ledger_touches(t, p_user_id))
$$;

-- Of all accounts of a user, the newest first; after that one when p_made_at and p_id are given. Yields by their entries.
create function public.ledger_read_transfers(
  p_user_id uuid, p_limit integer default 50, p_made_at timestamptz default null, p_id uuid default null
) returns jsonb
language sql stable security definer set search_path = '' as $$
  with own as (
    select a.id from public.ledger_owners o join public.ledger_accounts a on a.owner_id = o.id where o.user_id = p_user_id
  ), touched as (
    select t.id from own join public.ledger_transfers t on t.from_account = own.id
    union select t.id from own join public.ledger_transfers t on t.to_account = own.id
    union select e.transfer_id from own join public.ledger_entries e on e.account_id = own.id
  ), page as (
    select t.* from touched join public.ledger_transfers t using (id)
    where p_id is null or (t.made_at, t.id) < (p_made_at, p_id)
    order by t.made_at desc, t.id desc limit least(greatest(p_limit, 1), 1000)
  )
  select coalesce(jsonb_agg(switchyard.ledger_show(p::public.ledger_transfers) order by p.made_at desc, p.id desc), '[]')
  from page p
$$;

select switchyard.seal_function('switchyard.ledger_touches(public.ledger_transfers, uuid)');
select switchyard.seal_function('switchyard.ledger_hash(text, text[])');
select switchyard.seal_function('switchyard.ledger_take_hold(uuid, uuid[])');
select switchyard.seal_function(p.oid::regprocedure)
from pg_catalog.pg_proc p where p.pronamespace = 'switchyard'::regnamespace and p.proname = 'ledger_move';
select switchyard.seal_function(p.oid::regprocedure, '{service_role}')
from pg_catalog.pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname like 'ledger\_%';
notify pgrst, 'reload schema';
