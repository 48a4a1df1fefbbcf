-- plane: control
-- What all movements have in common. Locks are taken in one order, so that nobody waits in a circle: whoever acts, accounts
-- by their id (shards among them), transfers. What is decided by a balance is decided after that.
--
-- Refusals: PT404 there is none for that user; SY402 not enough is available; SY409 another request has this key; SY423 the
-- account is closed; SY424 the transfer is settled, or reversed, already; SY425 something is left in an account; SY426
-- that transaction of a chain is booked already; 22023 the call cannot be understood.

-- Who acts, for the history; their pseudonym, made with the first call. Null: the operator, with the secret key.
create function switchyard.ledger_act(p_user_id uuid, p_request text) returns uuid
language plpgsql volatile set search_path = '' as $$
declare
  v_owner uuid;
begin
  if p_user_id is not null then
    select id into v_owner from public.ledger_owners where user_id = p_user_id;
    if not found then
      if not exists (select from auth.users u where u.id = p_user_id and u.deleted_at is null) then
        raise exception 'There is no such user.' using errcode = 'PT404';
      end if;
      insert into public.ledger_owners (user_id) values (p_user_id) on conflict (user_id) do nothing;
      select id into v_owner from public.ledger_owners where user_id = p_user_id;
    end if;
  end if;
  perform set_config('switchyard.ledger_actor', coalesce(v_owner::text, ''), true),
    set_config('switchyard.ledger_request', coalesce(left(p_request, 200), ''), true);
  return v_owner;
end
$$;

-- A transfer as it is shown: amounts as decimals, and who made it left out.
create function switchyard.ledger_show(p_transfer public.ledger_transfers) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(p_transfer) - '{create_hash,made_by}'::text[] || jsonb_build_object(
    'amount', switchyard.ledger_decimal(p_transfer.amount, a.scale),
    'to_amount', switchyard.ledger_decimal(p_transfer.to_amount, b.scale),
    'block_number', p_transfer.block_number::text, 'gas', p_transfer.gas::text, 'raw_amount', p_transfer.raw_amount::text
  )
  from public.assets a left join public.assets b on b.code = p_transfer.to_asset where a.code = p_transfer.asset
$$;

-- What an earlier try has made; null when there was none.
create function switchyard.ledger_repeated(p_id uuid, p_made_by uuid, p_hash text) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_found public.ledger_transfers;
begin
  select * into v_found from public.ledger_transfers where id = p_id;
  if not found then
    return null;
  end if;
  if v_found.made_by is distinct from p_made_by or v_found.create_hash is distinct from p_hash then
    raise exception 'another request has made this transfer' using errcode = 'SY409';
  end if;
  return switchyard.ledger_show(v_found);
end
$$;

-- One of the 64 of a kind: as many as there are connections, about.
create function switchyard.ledger_shard(p_asset text, p_kind text) returns uuid
language sql volatile set search_path = '' as $$
  select id from public.ledger_accounts
  where asset = p_asset and kind = p_kind and kind <> 'user' and shard = (select trunc(random() * 64)::smallint)
$$;

-- Holds that are over count no more. Their accounts are locked.
create function switchyard.ledger_void_over(p_accounts uuid[]) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_count integer;
begin
  with over as (
    update public.ledger_transfers t set status = 'voided', settled_at = clock_timestamp()
    where t.from_account = any (p_accounts) and t.status = 'pending' and t.expires_at <= clock_timestamp()
    returning t.from_account, t.amount
  ), sums as (
    select from_account, sum(amount) as amount, count(*) as holds from over group by 1
  ), released as (
    update public.ledger_accounts a set held = a.held - s.amount from sums s where a.id = s.from_account returning s.holds
  )
  select coalesce(sum(holds), 0) into v_count from released;
  return v_count;
end
$$;

-- In the order of their ids. All of them have to be there, and open.
create function switchyard.ledger_lock(p_accounts uuid[]) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_account record;
  v_found integer := 0;
  v_has_held boolean := false;
begin
  for v_account in
    select a.closed_at, a.held from public.ledger_accounts a where a.id = any (p_accounts) order by a.id for update
  loop
    v_found := v_found + 1;
    v_has_held := v_has_held or v_account.held > 0;
    if v_account.closed_at is not null then
      raise exception 'The account is closed.' using errcode = 'SY423';
    end if;
  end loop;
  if v_found < cardinality(p_accounts) then
    raise exception 'There is no such account.' using errcode = 'PT404';
  end if;
  if v_has_held then
    perform switchyard.ledger_void_over(p_accounts);
  end if;
end
$$;

-- So much has to be available in a user's account, which is locked.
create function switchyard.ledger_book(p_transfer uuid, p_accounts uuid[], p_amounts numeric[]) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_at timestamptz;
  v_is_short boolean;
begin
  select greatest(clock_timestamp(), max(a.moved_at)),
    coalesce(bool_or(l.amount < 0 and not a.may_go_below_zero and a.posted - a.held + l.amount < 0), false)
  into v_at, v_is_short
  from unnest(p_accounts, p_amounts) l (id, amount) join public.ledger_accounts a on a.id = l.id;
  if v_is_short then
    raise exception 'Not enough is available in the account.' using errcode = 'SY402';
  end if;
  with moved as (
    update public.ledger_accounts a
    set posted = a.posted + l.amount, version = a.version + 1, moved_at = v_at
    from unnest(p_accounts, p_amounts) l (id, amount) where a.id = l.id
    returning a.id, a.version, a.asset, l.amount, a.posted
  )
  insert into public.ledger_entries (account_id, version, transfer_id, asset, amount, balance_after, at)
  select id, version, p_transfer, asset, amount, posted, v_at from moved;
end
$$;

-- What a transfer does to which accounts, when it is posted.
create function switchyard.ledger_legs(p_transfer public.ledger_transfers, out accounts uuid[], out amounts numeric[])
language plpgsql volatile set search_path = '' as $$
declare
  a numeric := p_transfer.amount;
  b numeric := p_transfer.to_amount;
begin
  case p_transfer.kind
    when 'deposit' then
      accounts := array[switchyard.ledger_shard(p_transfer.asset, 'outside'), p_transfer.to_account];
      amounts := array[-a, a];
    when 'withdrawal' then
      accounts := array[p_transfer.from_account, switchyard.ledger_shard(p_transfer.asset, 'outside')];
      amounts := array[-a, a];
    when 'transfer' then
      accounts := array[p_transfer.from_account, p_transfer.to_account];
      amounts := array[-a, a];
    when 'exchange' then
      accounts := array[
        p_transfer.from_account, switchyard.ledger_shard(p_transfer.asset, 'liquidity'),
        switchyard.ledger_shard(p_transfer.to_asset, 'liquidity'), p_transfer.to_account
      ];
      amounts := array[-a, a, -b, b];
  end case;
end
$$;

-- Makes the transfer, or holds its amount. Everything in it has been looked at but balances.
create function switchyard.ledger_make(p_transfer public.ledger_transfers, p_accounts uuid[], p_amounts numeric[]) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_repeated jsonb;
  v_made public.ledger_transfers := p_transfer;
begin
  v_made.made_at := clock_timestamp();
  if v_made.status = 'posted' then
    v_made.settled_at := v_made.made_at;
  end if;
  perform switchyard.ledger_lock(p_accounts);
  insert into public.ledger_transfers select v_made.* on conflict do nothing returning * into v_made;
  if not found then
    -- somebody was faster
    v_repeated := switchyard.ledger_repeated(p_transfer.id, p_transfer.made_by, p_transfer.create_hash);
    if v_repeated is not null then
      return v_repeated;
    end if;
    if p_transfer.reverses is not null then
      raise exception 'This transfer is reversed already.' using errcode = 'SY424';
    end if;
    raise exception 'This transaction of % is booked already.', p_transfer.network using errcode = 'SY426';
  end if;
  if v_made.status = 'posted' then
    perform switchyard.ledger_book(v_made.id, p_accounts, p_amounts);
  else
    update public.ledger_accounts a set held = a.held + v_made.amount
    where a.id = v_made.from_account and a.posted - a.held >= v_made.amount;
    if not found then
      raise exception 'Not enough is available in the account.' using errcode = 'SY402';
    end if;
  end if;
  return switchyard.ledger_show(v_made);
end
$$;

-- Chain data of a call: {"network", "tx_hash", "block_number", "gas", "raw_amount"}, or null.
create function switchyard.ledger_chain(p_transfer public.ledger_transfers, p_chain jsonb) returns public.ledger_transfers
language plpgsql immutable set search_path = '' as $$
begin
  if p_chain is null then
    return p_transfer;
  end if;
  if p_chain ->> 'network' is null or p_chain ->> 'tx_hash' is null then
    raise exception 'Chain data names its network and tx_hash.' using errcode = 'invalid_parameter_value';
  end if;
  p_transfer.network := p_chain ->> 'network';
  p_transfer.tx_hash := p_chain ->> 'tx_hash';
  p_transfer.block_number := (p_chain ->> 'block_number')::numeric;
  p_transfer.gas := (p_chain ->> 'gas')::numeric;
  p_transfer.raw_amount := (p_chain ->> 'raw_amount')::numeric;
  return p_transfer;
end
$$;

-- A user's own account, to move from or to look at.
create function switchyard.ledger_own(p_owner uuid, p_account uuid) returns public.ledger_accounts
language plpgsql stable set search_path = '' as $$
declare
  v_found public.ledger_accounts;
begin
  select * into v_found from public.ledger_accounts a where a.id = p_account and a.owner_id = p_owner;
  if not found then
    raise exception 'There is no such account.' using errcode = 'PT404';
  end if;
  return v_found;
end
$$;

-- Somebody's, to move to.
create function switchyard.ledger_target(p_account uuid) returns public.ledger_accounts
language plpgsql stable set search_path = '' as $$
declare
  v_found public.ledger_accounts;
begin
  select * into v_found from public.ledger_accounts a where a.id = p_account and a.kind = 'user';
  if not found then
    raise exception 'There is no account % to move to.', p_account using errcode = 'invalid_parameter_value';
  end if;
  return v_found;
end
$$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.ledger_act(uuid, text)', 'switchyard.ledger_show(public.ledger_transfers)',
  'switchyard.ledger_repeated(uuid, uuid, text)', 'switchyard.ledger_shard(text, text)',
  'switchyard.ledger_void_over(uuid[])', 'switchyard.ledger_lock(uuid[])',
  'switchyard.ledger_book(uuid, uuid[], numeric[])', 'switchyard.ledger_legs(public.ledger_transfers)',
  'switchyard.ledger_make(public.ledger_transfers, uuid[], numeric[])',
  'switchyard.ledger_chain(public.ledger_transfers, jsonb)', 'switchyard.ledger_own(uuid, uuid)',
  'switchyard.ledger_target(uuid)'
]::regprocedure[]) f;
