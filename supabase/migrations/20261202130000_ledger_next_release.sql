-- plane: control
-- An account says when the first of its holds is over (`next_release_at`): what is shown of it is true until then at most, however
-- little is written. Otherwise the function is as it was.
create or replace function switchyard.ledger_account(p_account uuid, p_as_of timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', a.id, 'asset', a.asset, 'status', case when a.closed_at <= now_.at then 'closed' else 'open' end,
    'posted', switchyard.ledger_decimal(b.posted, s.scale), 'pending', switchyard.ledger_decimal(h.held, s.scale),
    'available', switchyard.ledger_decimal(b.posted - h.held, s.scale),
    'next_release_at', h.next_release_at,
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
    select coalesce(sum(t.amount), 0) as held, min(t.expires_at) as next_release_at from public.ledger_transfers t
    where t.from_account = a.id and t.expires_at > now_.at and (p_as_of is null or t.made_at <= p_as_of)
      and (t.status = 'pending' or t.settled_at > p_as_of)
  ) h
  where a.id = p_account and (p_as_of is null or a.opened_at <= p_as_of)
$$;
select switchyard.seal_function('switchyard.ledger_account(uuid, timestamptz)');
