-- plane: control
-- A yield as before, but with its locks in the one order of all movements: the shard that pays it was locked after all who
-- hold the asset, whatever its id, so that a reversal of another yield, which has that shard and waits for one of them, and
-- the yield waited for each other. And whoever opened an account and was paid in meanwhile was given a share without having
-- been locked in that order: a share is for those who were there when the locks were taken.
create or replace function public.ledger_yield(
  p_actor uuid, p_id uuid, p_asset text, p_amount text, p_description text default null, p_hash text default null,
  p_request text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_by uuid := switchyard.ledger_act(p_actor, p_request);
  v_hash text := switchyard.ledger_hash(p_hash, 'yield', p_asset, p_amount, p_description);
  v_repeated jsonb := switchyard.ledger_repeated(p_id, v_by, v_hash);
  v_units numeric := switchyard.ledger_units(p_amount, p_asset);
  v_shard uuid := switchyard.ledger_shard(p_asset, 'yield');
  v_locked uuid[];
  v_accounts uuid[];
  v_amounts numeric[];
  t public.ledger_transfers;
begin
  if v_repeated is not null then
    return v_repeated;
  end if;
  select array_agg(l.id) into v_locked from (
    select a.id from public.ledger_accounts a
    where a.asset = p_asset and (a.kind = 'user' and a.closed_at is null or a.id = v_shard)
    order by a.id for update
  ) l;
  with shares as (
    -- a whole division: v_units * posted has up to 75 digits, which numeric has and a fraction would lose
    select a.id, div(v_units * a.posted, sum(a.posted) over ()) as share
    from public.ledger_accounts a
    where a.id = any (v_locked) and a.kind = 'user' and a.closed_at is null and a.posted > 0
  )
  select array_agg(id), array_agg(share), sum(share) into v_accounts, v_amounts, t.amount from shares where share > 0;
  if v_accounts is null then
    raise exception 'Nobody holds enough % for a share of that.', p_asset using errcode = 'invalid_parameter_value';
  end if;
  t.id := p_id; t.kind := 'yield'; t.status := 'posted'; t.asset := p_asset; t.description := p_description;
  t.made_by := v_by; t.create_hash := v_hash;
  return switchyard.ledger_make(t, v_accounts || v_shard, v_amounts || -t.amount);
end
$$;
