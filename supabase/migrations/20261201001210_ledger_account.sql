-- plane: control
-- An account as it is shown: `posted` has happened, `pending` is held, `available` is what can be moved. A hold that is over
-- counts no more, whether somebody has voided it yet or not.

-- As it was at an instant when p_as_of is given: what began before it and was committed after it may be missing while that
-- instant is fresh. Null when there is none, or none yet.
create function switchyard.ledger_account(p_account uuid, p_as_of timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', a.id, 'asset', a.asset, 'status', case when a.closed_at <= now_.at then 'closed' else 'open' end,
    'posted', switchyard.ledger_decimal(b.posted, s.scale), 'pending', switchyard.ledger_decimal(h.held, s.scale),
    'available', switchyard.ledger_decimal(b.posted - h.held, s.scale),
    'version', b.version, 'opened_at', a.opened_at, 'closed_at', case when a.closed_at <= now_.at then a.closed_at end
  )
  from public.ledger_accounts a
  join public.assets s on s.code = a.asset
  cross join lateral (select coalesce(p_as_of, statement_timestamp()) as at) now_
  cross join lateral (
    select a.posted, a.version where p_as_of is null
    union all
    select coalesce(e.balance_after, 0), coalesce(e.version, 0)
    from (select 1) one left join lateral (
      select balance_after, version from public.ledger_entries
      where account_id = a.id and at <= p_as_of order by version desc limit 1
    ) e on true
    where p_as_of is not null
  ) b
  cross join lateral (
    select coalesce(sum(t.amount), 0) as held from public.ledger_transfers t
    where t.from_account = a.id and t.expires_at > now_.at and (p_as_of is null or t.made_at <= p_as_of)
      and (t.status = 'pending' or t.settled_at > p_as_of)
  ) h
  where a.id = p_account and (p_as_of is null or a.opened_at <= p_as_of)
$$;
select switchyard.seal_function('switchyard.ledger_account(uuid, timestamptz)');
