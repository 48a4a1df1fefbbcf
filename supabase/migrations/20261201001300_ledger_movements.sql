-- plane: control
-- One function for each movement, called by the API, which has verified who asks, and by the operator's commands. With the
-- same p_id and p_hash a call answers as the first one did and moves nothing. p_hash: of the request; without it, of what
-- the call says. p_user_id and p_actor: who acts; a null p_actor is the operator with the secret key.

create function switchyard.ledger_hash(p_hash text, variadic p_said text[]) returns text
language sql immutable set search_path = '' as $$
  select coalesce(p_hash, encode(sha256(convert_to(to_jsonb(p_said)::text, 'UTF8')), 'hex'))
$$;

-- {"is_new", "account"}: the user's open account in that asset, made if there is none.
create function public.ledger_open_account(p_user_id uuid, p_asset text, p_request text default null) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_owner uuid := switchyard.ledger_act(p_user_id, p_request);
  v_id uuid;
  v_is_new boolean;
begin
  if not exists (select from public.assets where code = p_asset) then
    raise exception 'There is no asset %.', p_asset using errcode = 'invalid_parameter_value';
  end if;
  if not exists (select from public.ledger_accounts a where a.asset = p_asset and a.kind <> 'user') then
    insert into public.ledger_accounts (asset, kind, shard)
    select p_asset, k, s from unnest('{liquidity,outside,yield}'::text[]) k, generate_series(0, 63) s order by k, s
    on conflict do nothing;
  end if;
  insert into public.ledger_accounts (owner_id, asset, kind) values (v_owner, p_asset, 'user')
  on conflict (owner_id, asset) where kind = 'user' and closed_at is null do nothing
  returning id into v_id;
  v_is_new := found;
  if not v_is_new then
    select id into v_id from public.ledger_accounts a
    where a.owner_id = v_owner and a.asset = p_asset and a.kind = 'user' and a.closed_at is null;
  end if;
  return jsonb_build_object('is_new', v_is_new, 'account', switchyard.ledger_account(v_id, null));
end
$$;

create function public.ledger_close_account(p_user_id uuid, p_account uuid, p_request text default null) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_owner uuid := switchyard.ledger_act(p_user_id, p_request);
begin
  perform switchyard.ledger_own(v_owner, p_account);
  perform switchyard.ledger_lock(array[p_account]);
  update public.ledger_accounts a set closed_at = clock_timestamp() where a.id = p_account and a.posted = 0 and a.held = 0;
  if not found then
    raise exception 'The account holds something. Move it away, and void its holds, first.' using errcode = 'SY425';
  end if;
end
$$;

-- From outside into a user's account.
create function public.ledger_deposit(
  p_actor uuid, p_id uuid, p_account uuid, p_amount text, p_description text default null, p_chain jsonb default null,
  p_hash text default null, p_request text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_by uuid := switchyard.ledger_act(p_actor, p_request);
  v_hash text := switchyard.ledger_hash(p_hash, 'deposit', p_account::text, p_amount, p_description, p_chain::text);
  v_repeated jsonb := switchyard.ledger_repeated(p_id, v_by, v_hash);
  v_to public.ledger_accounts;
  t public.ledger_transfers;
  legs record;
begin
  if v_repeated is not null then
    return v_repeated;
  end if;
  v_to := switchyard.ledger_target(p_account);
  t.id := p_id; t.kind := 'deposit'; t.status := 'posted'; t.to_account := v_to.id; t.asset := v_to.asset;
  t.amount := switchyard.ledger_units(p_amount, v_to.asset);
  t.description := p_description; t.made_by := v_by; t.create_hash := v_hash;
  t := switchyard.ledger_chain(t, p_chain);
  legs := switchyard.ledger_legs(t);
  return switchyard.ledger_make(t, legs.accounts, legs.amounts);
end
$$;

-- A user's own movements: to another account in the same asset (`transfer`), to outside (`withdrawal`), to an own account in
-- another asset (`exchange`, at the rate that is set, rounded down). With p_hold_seconds it is a hold, at most 30 days.
create function switchyard.ledger_move(
  p_kind text, p_user_id uuid, p_id uuid, p_from uuid, p_to uuid, p_amount text, p_least text, p_description text,
  p_hold_seconds integer, p_hash text, p_request text
) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_by uuid := switchyard.ledger_act(p_user_id, p_request);
  v_hash text := switchyard.ledger_hash(
    p_hash, p_kind, p_from::text, p_to::text, p_amount, p_least, p_description, p_hold_seconds::text
  );
  v_repeated jsonb := switchyard.ledger_repeated(p_id, v_by, v_hash);
  v_from public.ledger_accounts;
  v_to public.ledger_accounts;
  t public.ledger_transfers;
  legs record;
begin
  if v_repeated is not null then
    return v_repeated;
  end if;
  v_from := switchyard.ledger_own(v_by, p_from);
  if p_hold_seconds not between 1 and 2592000 then
    raise exception 'A hold lasts 1 to 2592000 seconds.' using errcode = 'invalid_parameter_value';
  end if;
  t.id := p_id; t.kind := p_kind; t.from_account := v_from.id; t.asset := v_from.asset;
  t.amount := switchyard.ledger_units(p_amount, v_from.asset);
  t.description := p_description; t.made_by := v_by; t.create_hash := v_hash;
  t.status := case when p_hold_seconds is null then 'posted' else 'pending' end;
  t.expires_at := clock_timestamp() + make_interval(secs => p_hold_seconds);
  if p_kind <> 'withdrawal' then
    v_to := case p_kind when 'exchange' then switchyard.ledger_own(v_by, p_to) else switchyard.ledger_target(p_to) end;
    t.to_account := v_to.id;
    if v_to.id = v_from.id then
      raise exception 'From and to are the same account.' using errcode = 'invalid_parameter_value';
    end if;
    if (v_to.asset = v_from.asset) = (p_kind = 'exchange') then
      raise exception 'A transfer is between accounts in one asset, an exchange between two.'
      using errcode = 'invalid_parameter_value';
    end if;
  end if;
  if p_kind = 'exchange' then
    t.to_asset := v_to.asset;
    select trunc(t.amount * r.rate * ('1e' || (b.scale - a.scale))::numeric) into t.to_amount
    from public.ledger_rates r, public.assets a, public.assets b
    where r.asset = t.asset and r.to_asset = t.to_asset and a.code = t.asset and b.code = t.to_asset;
    if t.to_amount is null then
      raise exception 'There is no rate from % to %.', t.asset, t.to_asset using errcode = 'invalid_parameter_value';
    end if;
    if t.to_amount < greatest(1, switchyard.ledger_units(coalesce(p_least, '1'), t.to_asset) * (p_least is not null)::integer) then
      raise exception 'At the rate of now it is less than that.' using errcode = 'invalid_parameter_value';
    end if;
    if t.to_amount >= 1e37 then
      raise exception 'The amount is too large.' using errcode = 'invalid_parameter_value';
    end if;
  end if;
  legs := switchyard.ledger_legs(t);
  return switchyard.ledger_make(t, legs.accounts, legs.amounts);
end
$$;

create function public.ledger_transfer(
  p_user_id uuid, p_id uuid, p_from uuid, p_to uuid, p_amount text, p_description text default null,
  p_hold_seconds integer default null, p_hash text default null, p_request text default null
) returns jsonb
language sql volatile security definer set search_path = '' as $$
  select switchyard.ledger_move(
    'transfer', p_user_id, p_id, p_from, p_to, p_amount, null, p_description, p_hold_seconds, p_hash, p_request
  )
$$;

create function public.ledger_withdraw(
  p_user_id uuid, p_id uuid, p_from uuid, p_amount text, p_description text default null,
  p_hold_seconds integer default null, p_hash text default null, p_request text default null
) returns jsonb
language sql volatile security definer set search_path = '' as $$
  select switchyard.ledger_move(
    'withdrawal', p_user_id, p_id, p_from, null, p_amount, null, p_description, p_hold_seconds, p_hash, p_request
  )
$$;

-- p_least: what has to come out, or nothing is done.
create function public.ledger_exchange(
  p_user_id uuid, p_id uuid, p_from uuid, p_to uuid, p_amount text, p_least text default null,
  p_description text default null, p_hold_seconds integer default null, p_hash text default null, p_request text default null
) returns jsonb
language sql volatile security definer set search_path = '' as $$
  select switchyard.ledger_move(
    'exchange', p_user_id, p_id, p_from, p_to, p_amount, p_least, p_description, p_hold_seconds, p_hash, p_request
  )
$$;

create function public.ledger_set_rate(
  p_actor uuid, p_asset text, p_to_asset text, p_rate text, p_request text default null
) returns void
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform switchyard.ledger_act(p_actor, p_request);
  if p_rate !~ '^\d{1,18}(\.\d{1,18})?$' or p_rate::numeric = 0 or p_asset = p_to_asset
    or (select count(*) from public.assets where code in (p_asset, p_to_asset)) < 2 then
    raise exception 'A rate is a decimal above zero, of two assets that there are.' using errcode = 'invalid_parameter_value';
  end if;
  insert into public.ledger_rates (asset, to_asset, rate) values (p_asset, p_to_asset, p_rate::numeric)
  on conflict (asset, to_asset) do update set rate = excluded.rate, set_at = clock_timestamp();
end
$$;

-- So much at most among all who hold the asset, in proportion to what is posted there, each share rounded down. All of it in
-- one transaction: whoever moves that asset meanwhile waits.
create function public.ledger_yield(
  p_actor uuid, p_id uuid, p_asset text, p_amount text, p_description text default null, p_hash text default null,
  p_request text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_by uuid := switchyard.ledger_act(p_actor, p_request);
  v_hash text := switchyard.ledger_hash(p_hash, 'yield', p_asset, p_amount, p_description);
  v_repeated jsonb := switchyard.ledger_repeated(p_id, v_by, v_hash);
  v_units numeric := switchyard.ledger_units(p_amount, p_asset);
  v_accounts uuid[];
  v_amounts numeric[];
  t public.ledger_transfers;
begin
  if v_repeated is not null then
    return v_repeated;
  end if;
  perform from public.ledger_accounts a
  where a.asset = p_asset and a.kind = 'user' and a.closed_at is null order by a.id for update;
  with shares as (
    -- a whole division: v_units * posted has up to 75 digits, which numeric has and a fraction would lose
    select a.id, div(v_units * a.posted, sum(a.posted) over ()) as share
    from public.ledger_accounts a where a.asset = p_asset and a.kind = 'user' and a.closed_at is null and a.posted > 0
  )
  select array_agg(id), array_agg(share), sum(share) into v_accounts, v_amounts, t.amount from shares where share > 0;
  if v_accounts is null then
    raise exception 'Nobody holds enough % for a share of that.', p_asset using errcode = 'invalid_parameter_value';
  end if;
  t.id := p_id; t.kind := 'yield'; t.status := 'posted'; t.asset := p_asset; t.description := p_description;
  t.made_by := v_by; t.create_hash := v_hash;
  return switchyard.ledger_make(
    t, v_accounts || switchyard.ledger_shard(p_asset, 'yield'), v_amounts || -t.amount
  );
end
$$;
