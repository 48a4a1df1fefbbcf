-- plane: control
-- What has to be true of the books, and who breaks it: no row means that all of it holds. One statement, so that all of it is
-- seen at one moment, whatever is moved meanwhile.
create function public.ledger_check(p_limit integer default 100)
returns table (invariant text, offender text, detail text)
language sql stable security definer set search_path = '' as $$
  with entries as materialized (
    select e.*, lag(e.version, 1, 0::bigint) over w as version_before, lag(e.balance_after, 1, 0) over w as balance_before,
      lag(e.at) over w as at_before
    from public.ledger_entries e window w as (partition by e.account_id order by e.version)
  ), totals as (
    select account_id, sum(amount) as posted, max(version) as version, count(*) as entries from entries group by 1
  ), holds as (
    select from_account, sum(amount) as held from public.ledger_transfers where status = 'pending' group by 1
  ), found as (
    select 'entries of a transfer sum to zero in each asset' as invariant, 'transfer ' || transfer_id as offender,
      asset || ': ' || sum(amount) as detail
    from entries group by transfer_id, asset having sum(amount) <> 0
    union all
    select 'an entry has the asset of its account', 'account ' || a.id, 'version ' || e.version || ' is in ' || e.asset
    from entries e join public.ledger_accounts a on a.id = e.account_id where a.asset <> e.asset
    union all
    select 'versions have no gap', 'account ' || account_id, version || ' follows ' || version_before
    from entries where version <> version_before + 1
    union all
    select 'the balance after an entry is the one before it and its amount', 'account ' || account_id, 'version ' || version
    from entries where balance_after <> balance_before + amount
    union all
    select 'entries follow each other in time', 'account ' || account_id, 'version ' || version from entries where at < at_before
    union all
    select 'a balance is the sum of its entries', 'account ' || a.id,
      'posted ' || a.posted || ', entries ' || coalesce(t.posted, 0) || '; version ' || a.version || ', entries ' || coalesce(t.entries, 0)
    from public.ledger_accounts a left join totals t on t.account_id = a.id
    where a.posted <> coalesce(t.posted, 0) or a.version <> coalesce(t.version, 0)
    union all
    select 'what is held is the sum of the holds', 'account ' || a.id, 'held ' || a.held || ', holds ' || coalesce(h.held, 0)
    from public.ledger_accounts a left join holds h on h.from_account = a.id where a.held <> coalesce(h.held, 0)
    union all
    select 'no balance is below zero where it may not be', 'account ' || a.id, 'posted ' || a.posted || ', held ' || a.held
    from public.ledger_accounts a where not a.may_go_below_zero and (a.posted < 0 or a.posted < a.held)
    union all
    select 'no balance was ever below zero where it may not be', 'account ' || e.account_id, 'version ' || e.version
    from entries e join public.ledger_accounts a on a.id = e.account_id where not a.may_go_below_zero and e.balance_after < 0
    union all
    select 'a posted transfer has its entries, and no other has any', 'transfer ' || t.id, t.status
    from public.ledger_transfers t
    where (t.status = 'posted') <> exists (select from public.ledger_entries e where e.transfer_id = t.id)
    union all
    select 'a transfer moves its amount', 'transfer ' || t.id, t.amount || ' ' || t.asset
    from public.ledger_transfers t
    where t.status = 'posted' and t.amount is distinct from (
      select sum(e.amount) from public.ledger_entries e where e.transfer_id = t.id and e.asset = t.asset and e.amount > 0
    )
    union all
    select 'a transfer is reversed once, by its opposite', 'transfer ' || r.id, 'reverses ' || r.reverses
    from public.ledger_transfers r
    where r.kind = 'reversal' and exists (
      select from (
        select e.account_id, a.kind, e.asset, e.amount from public.ledger_entries e
        join public.ledger_accounts a on a.id = e.account_id where e.transfer_id in (r.id, r.reverses)
      ) both_ group by case when both_.kind = 'user' then both_.account_id::text else both_.kind end, both_.asset
      having sum(both_.amount) <> 0
    )
    union all
    select 'an idempotency key has made one transfer', 'transfer ' || h.subject_id, count(*) || ' in the history'
    from public.ledger_history h where h.subject = 'ledger_transfers' and h.action = 'insert'
    group by h.subject_id having count(*) > 1
    union all
    select 'the history has every state of a transfer', 'transfer ' || t.id, t.status
    from public.ledger_transfers t left join lateral (
      select h.after, count(*) over () as steps from public.ledger_history h
      where h.subject_id = t.id::text and h.subject = 'ledger_transfers' order by h.seq desc limit 1
    ) h on true
    where h.after is null or h.after <> to_jsonb(t) - 'create_hash'
      or h.steps <> case when t.expires_at is null or t.status = 'pending' then 1 else 2 end
    union all
    select 'the history has every account''s opening and closing', 'account ' || a.id, coalesce('closed ' || a.closed_at, 'open')
    from public.ledger_accounts a
    where a.kind = 'user' and (select count(*) from public.ledger_history h
      where h.subject_id = a.id::text and h.subject = 'ledger_accounts') <> case when a.closed_at is null then 1 else 2 end
    union all
    select 'the history names nothing that is not there', h.subject || ' ' || h.subject_id, 'seq ' || h.seq
    from public.ledger_history h
    where h.subject = 'ledger_transfers' and not exists (select from public.ledger_transfers t where t.id::text = h.subject_id)
  )
  select found.invariant, found.offender, found.detail from found limit greatest(p_limit, 1)
$$;

-- Sums, for who compares them with what they know: of every asset in all accounts (which is zero) and in users' accounts.
create function public.ledger_totals() returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'accounts', (select count(*) from public.ledger_accounts where kind = 'user'),
    'transfers', (select count(*) from public.ledger_transfers),
    'entries', (select count(*) from public.ledger_entries),
    'assets', coalesce((
      select jsonb_object_agg(t.asset, jsonb_build_object(
        'all', t.total, 'users', switchyard.ledger_decimal(t.users, s.scale)
      ))
      from (
        select asset, sum(posted)::text as total, sum(posted) filter (where kind = 'user') as users
        from public.ledger_accounts group by 1
      ) t join public.assets s on s.code = t.asset
    ), '{}')
  )
$$;
select switchyard.seal_function(f, '{service_role}')
from unnest('{public.ledger_check(integer), public.ledger_totals()}'::regprocedure[]) f;
