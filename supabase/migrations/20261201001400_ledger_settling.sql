-- plane: control
-- What becomes of a hold, and of a transfer that was wrong.

-- The hold, with its accounts locked and then itself. Those that it says are for good, so they can be read before.
create function switchyard.ledger_take_hold(p_id uuid, p_accounts uuid[]) returns public.ledger_transfers
language plpgsql volatile set search_path = '' as $$
declare
  t public.ledger_transfers;
begin
  perform switchyard.ledger_lock(p_accounts);
  select * into t from public.ledger_transfers where id = p_id for update;
  return t;
end
$$;

-- Does what was held. SY424 when it was voided, or is over; posted already, it is as it is.
create function public.ledger_post(
  p_actor uuid, p_id uuid, p_chain jsonb default null, p_request text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  t public.ledger_transfers;
  legs record;
begin
  perform switchyard.ledger_act(p_actor, p_request);
  select * into t from public.ledger_transfers where id = p_id;
  if not found then
    raise exception 'There is no such transfer.' using errcode = 'PT404';
  end if;
  if t.status = 'posted' then
    return switchyard.ledger_show(t);
  end if;
  if t.status = 'pending' then
    legs := switchyard.ledger_legs(t);
    t := switchyard.ledger_take_hold(p_id, legs.accounts);
  end if;
  if t.status = 'posted' then
    return switchyard.ledger_show(t);
  end if;
  if t.status = 'voided' then
    raise exception 'The hold is voided, or over.' using errcode = 'SY424';
  end if;
  if t.network is null then
    t := switchyard.ledger_chain(t, p_chain);
  end if;
  if t.tx_hash is not null and exists (
    select from public.ledger_transfers o where o.network = t.network and o.tx_hash = t.tx_hash and o.id <> p_id
  ) then
    raise exception 'This transaction of % is booked already.', t.network using errcode = 'SY426';
  end if;
  update public.ledger_transfers set status = 'posted', settled_at = clock_timestamp(), network = t.network,
    tx_hash = t.tx_hash, block_number = t.block_number, gas = t.gas, raw_amount = t.raw_amount
  where id = p_id returning * into t;
  update public.ledger_accounts a set held = a.held - t.amount where a.id = t.from_account;
  perform switchyard.ledger_book(p_id, legs.accounts, legs.amounts);
  return switchyard.ledger_show(t);
end
$$;

-- Gives back what was held: by the user whose hold it is, or by the operator. SY424 when it was posted.
create function public.ledger_void(
  p_actor uuid, p_id uuid, p_as_operator boolean default false, p_request text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_by uuid := switchyard.ledger_act(p_actor, p_request);
  t public.ledger_transfers;
begin
  select t0.* into t from public.ledger_transfers t0 left join public.ledger_accounts a on a.id = t0.from_account
  where t0.id = p_id and (p_as_operator or a.owner_id = v_by);
  if not found then
    raise exception 'There is no such transfer.' using errcode = 'PT404';
  end if;
  if t.status = 'pending' then
    t := switchyard.ledger_take_hold(p_id, array[t.from_account]);
  end if;
  if t.status = 'posted' then
    raise exception 'The transfer is posted.' using errcode = 'SY424';
  end if;
  if t.status = 'pending' then
    update public.ledger_transfers set status = 'voided', settled_at = clock_timestamp() where id = p_id returning * into t;
    update public.ledger_accounts a set held = a.held - t.amount where a.id = t.from_account;
  end if;
  return switchyard.ledger_show(t);
end
$$;

-- The opposite of a posted transfer, once. SY402 when whoever got it has it no more.
create function public.ledger_reverse(
  p_actor uuid, p_id uuid, p_transfer uuid, p_description text default null, p_hash text default null,
  p_request text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_by uuid := switchyard.ledger_act(p_actor, p_request);
  v_hash text := switchyard.ledger_hash(p_hash, 'reversal', p_transfer::text, p_description);
  v_repeated jsonb := switchyard.ledger_repeated(p_id, v_by, v_hash);
  v_of public.ledger_transfers;
  v_accounts uuid[];
  v_amounts numeric[];
  t public.ledger_transfers;
begin
  if v_repeated is not null then
    return v_repeated;
  end if;
  select * into v_of from public.ledger_transfers where id = p_transfer;
  if not found then
    raise exception 'There is no such transfer.' using errcode = 'PT404';
  end if;
  if v_of.status <> 'posted' or v_of.kind = 'reversal' then
    raise exception 'Only a posted transfer is reversed, and no reversal.' using errcode = 'SY424';
  end if;
  select array_agg(case when a.kind = 'user' then a.id else switchyard.ledger_shard(a.asset, a.kind) end), array_agg(-e.amount)
  into v_accounts, v_amounts
  from public.ledger_entries e join public.ledger_accounts a on a.id = e.account_id where e.transfer_id = p_transfer;
  t.id := p_id; t.kind := 'reversal'; t.status := 'posted'; t.reverses := p_transfer; t.description := p_description;
  t.from_account := v_of.to_account; t.to_account := v_of.from_account;
  t.asset := coalesce(v_of.to_asset, v_of.asset); t.amount := coalesce(v_of.to_amount, v_of.amount);
  if v_of.to_asset is not null then
    t.to_asset := v_of.asset; t.to_amount := v_of.amount;
  end if;
  t.made_by := v_by; t.create_hash := v_hash;
  return switchyard.ledger_make(t, v_accounts, v_amounts);
end
$$;

-- Voids up to p_limit accounts' holds that are over; how many holds. Movements do so for their own accounts, whoever else
-- has been or not.
create function public.ledger_expire(p_limit integer default 1000) returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_accounts uuid[];
begin
  perform switchyard.ledger_act(null, 'expiry');
  select array_agg(id) into v_accounts from (
    select distinct t.from_account as id from public.ledger_transfers t
    where t.status = 'pending' and t.expires_at <= clock_timestamp() limit p_limit
  ) over_now;
  if v_accounts is null then
    return 0;
  end if;
  perform from public.ledger_accounts a where a.id = any (v_accounts) order by a.id for update;
  return switchyard.ledger_void_over(v_accounts);
end
$$;

do $$
begin
  if to_regprocedure('cron.schedule(text, text, text)') is not null then
    perform cron.schedule('switchyard-ledger', '60 seconds', 'select public.ledger_expire()');
  end if;
exception when others then
  raise notice 'pg_cron does not void holds: %', sqlerrm;
end $$;
