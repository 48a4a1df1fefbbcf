-- plane: control
-- The check in parts, each one call that a database with a limit for statements has time for: so many rows, in the order of a
-- key, from where the part before it ended. Nothing has to be seen at one moment for that. Entries are never changed and only
-- added, so the sum of those that were walked stays what it is, and is taken along to the next part; where an account's entries
-- end, they and its balance are seen by one statement. Whatever else has to be true is so of one account, one transfer, one
-- entry of the history, with what belongs to it.
--
-- Bounded by p_rows, but for one transfer's entries (a yield of a million accounts is walked in one) and one account's holds.

create function switchyard.ledger_check_accounts(p_after jsonb, p_rows integer) returns jsonb
language sql stable set search_path = '' as $$
  with page as materialized (
    select a.* from public.ledger_accounts a
    where a.id > coalesce((p_after ->> 'id')::uuid, '00000000-0000-0000-0000-000000000000') order by a.id limit p_rows
  ), found (invariant, offender, detail) as (
    select 'what is held is the sum of the holds', 'account ' || a.id, 'held ' || a.held || ', holds ' || h.held
    from page a cross join lateral (
      select coalesce(sum(t.amount), 0) as held from public.ledger_transfers t where t.from_account = a.id and t.status = 'pending'
    ) h
    where a.held <> h.held
    union all
    select 'no balance is below zero where it may not be', 'account ' || a.id, 'posted ' || a.posted || ', held ' || a.held
    from page a where not a.may_go_below_zero and (a.posted < 0 or a.posted < a.held)
    union all
    -- of one that has entries, they are walked
    select 'a balance is the sum of its entries', 'account ' || a.id,
      'posted ' || a.posted || ', entries 0; version ' || a.version || ', entries 0'
    from page a
    where (a.posted <> 0 or a.version <> 0) and not exists (select from public.ledger_entries e where e.account_id = a.id)
    union all
    select 'the history has every account''s opening and closing', 'account ' || a.id, coalesce('closed ' || a.closed_at, 'open')
    from page a
    where a.kind = 'user' and (select count(*) from public.ledger_history h
      where h.subject_id = a.id::text and h.subject = 'ledger_accounts') <> case when a.closed_at is null then 1 else 2 end
  )
  select jsonb_build_object(
    'rows', (select count(*) from page), 'found', (select jsonb_agg(to_jsonb(f)) from found f),
    'last', (select jsonb_build_object('id', a.id) from page a order by a.id desc limit 1)
  )
$$;

-- p_after: {"account", "version"} of the last entry that was walked, and "posted" and "entries", what that account's come to.
create function switchyard.ledger_check_entries(p_after jsonb, p_rows integer) returns jsonb
language sql stable set search_path = '' as $$
  with known as (
    select (p_after ->> 'account')::uuid as account_id, (p_after ->> 'version')::bigint as version,
      (p_after ->> 'posted')::numeric as posted, (p_after ->> 'entries')::bigint as entries
  ), walked as materialized (
    -- the last one of before is the one before the first of these
    select e.*, lag(e.version, 1, 0::bigint) over w as version_before, lag(e.balance_after, 1, 0) over w as balance_before,
      lag(e.at) over w as at_before
    from (
      select en.* from public.ledger_entries en
      where (en.account_id, en.version) >= (
        coalesce((p_after ->> 'account')::uuid, '00000000-0000-0000-0000-000000000000'),
        coalesce((p_after ->> 'version')::bigint, 0)
      )
      order by en.account_id, en.version limit p_rows + 1
    ) e
    window w as (partition by e.account_id order by e.version)
  ), fresh as materialized (
    select w.* from walked w where not exists (select from known k where k.account_id = w.account_id and k.version = w.version)
  ), totals as materialized (
    select f.account_id, sum(f.amount) + coalesce(max(k.posted), 0) as posted, max(f.version) as version,
      count(*) + coalesce(max(k.entries), 0) as entries
    from fresh f left join known k on k.account_id = f.account_id group by 1
  ), found (invariant, offender, detail) as (
    select 'an entry has the asset of its account', 'account ' || a.id, 'version ' || f.version || ' is in ' || f.asset
    from fresh f join public.ledger_accounts a on a.id = f.account_id where a.asset <> f.asset
    union all
    select 'versions have no gap', 'account ' || account_id, version || ' follows ' || version_before
    from fresh where version <> version_before + 1
    union all
    select 'the balance after an entry is the one before it and its amount', 'account ' || account_id, 'version ' || version
    from fresh where balance_after <> balance_before + amount
    union all
    select 'entries follow each other in time', 'account ' || account_id, 'version ' || version from fresh where at < at_before
    union all
    select 'no balance was ever below zero where it may not be', 'account ' || f.account_id, 'version ' || f.version
    from fresh f join public.ledger_accounts a on a.id = f.account_id where not a.may_go_below_zero and f.balance_after < 0
    union all
    select 'a balance is the sum of its entries', 'account ' || a.id,
      'posted ' || a.posted || ', entries ' || t.posted || '; version ' || a.version || ', entries ' || t.entries
    from totals t join public.ledger_accounts a on a.id = t.account_id
    where (a.posted <> t.posted or a.version <> t.version) and not exists (
      select from public.ledger_entries e where e.account_id = t.account_id and e.version > t.version
    )
  )
  select jsonb_build_object(
    'rows', (select count(*) from fresh), 'found', (select jsonb_agg(to_jsonb(f)) from found f),
    'last', (
      select jsonb_build_object('account', t.account_id, 'version', t.version, 'posted', t.posted::text, 'entries', t.entries)
      from totals t order by t.account_id desc limit 1
    )
  )
$$;

create function switchyard.ledger_check_transfers(p_after jsonb, p_rows integer) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_id uuid;
  v_ids uuid[] := '{}';
  v_rows integer := 0;
  v_found jsonb;
begin
  for v_id in
    select t.id from public.ledger_transfers t
    where t.id > coalesce((p_after ->> 'id')::uuid, '00000000-0000-0000-0000-000000000000') order by t.id limit p_rows
  loop
    v_ids := v_ids || v_id;
    -- those of a transfer that it reverses are looked at with it, and are as many
    v_rows := v_rows + 1 + (select count(*) from (
      select from public.ledger_entries e where e.transfer_id = v_id limit p_rows
    ) e);
    exit when v_rows >= p_rows;
  end loop;
  with entries as materialized (
    select e.* from public.ledger_entries e where e.transfer_id = any (v_ids)
  ), sums as (
    select transfer_id, asset, sum(amount) as amount, sum(amount) filter (where amount > 0) as moved from entries group by 1, 2
  ), found (invariant, offender, detail) as (
    select 'entries of a transfer sum to zero in each asset', 'transfer ' || transfer_id, asset || ': ' || amount
    from sums where amount <> 0
    union all
    select 'a posted transfer has its entries, and no other has any', 'transfer ' || t.id, t.status
    from public.ledger_transfers t
    where t.id = any (v_ids) and (t.status = 'posted') <> exists (select from sums s where s.transfer_id = t.id)
    union all
    select 'a transfer moves its amount', 'transfer ' || t.id, t.amount || ' ' || t.asset
    from public.ledger_transfers t left join sums s on s.transfer_id = t.id and s.asset = t.asset
    where t.id = any (v_ids) and t.status = 'posted' and t.amount is distinct from s.moved
    union all
    select 'a transfer is reversed once, by its opposite', 'transfer ' || r.id, 'reverses ' || r.reverses
    from public.ledger_transfers r
    where r.id = any (v_ids) and r.kind = 'reversal' and exists (
      select from (
        select e.account_id, a.kind, e.asset, e.amount from public.ledger_entries e
        join public.ledger_accounts a on a.id = e.account_id where e.transfer_id in (r.id, r.reverses)
      ) both_ group by case when both_.kind = 'user' then both_.account_id::text else both_.kind end, both_.asset
      having sum(both_.amount) <> 0
    )
    union all
    -- as values, for how an instant is written depends on the time zone of whoever wrote it
    select 'the history has every state of a transfer', 'transfer ' || t.id, t.status
    from public.ledger_transfers t left join lateral (
      select h.after, count(*) over () as steps from public.ledger_history h
      where h.subject_id = t.id::text and h.subject = 'ledger_transfers' order by h.seq desc limit 1
    ) h on true
    where t.id = any (v_ids) and (
      h.after is null
      or jsonb_populate_record(null::public.ledger_transfers, h.after || jsonb_build_object('create_hash', t.create_hash))
        is distinct from t
      or h.steps <> case when t.expires_at is null or t.status = 'pending' then 1 else 2 end
    )
  )
  select jsonb_agg(to_jsonb(f)) into v_found from found f;
  return jsonb_build_object(
    'rows', cardinality(v_ids), 'found', v_found, 'last', jsonb_build_object('id', v_ids[cardinality(v_ids)])
  );
end
$$;

create function switchyard.ledger_check_history(p_after jsonb, p_rows integer) returns jsonb
language sql stable set search_path = '' as $$
  with page as materialized (
    select h.* from public.ledger_history h where h.seq > coalesce((p_after ->> 'seq')::bigint, 0) order by h.seq limit p_rows
  ), inserts as materialized (
    select s.* from page s where s.subject = 'ledger_transfers' and s.action = 'insert'
  ), found (invariant, offender, detail) as (
    select 'an idempotency key has made one transfer', 'transfer ' || i.subject_id, made.count || ' in the history'
    from inserts i cross join lateral (
      select count(*), count(*) filter (where h.seq < i.seq) as before from public.ledger_history h
      where h.subject_id = i.subject_id and h.subject = 'ledger_transfers' and h.action = 'insert'
    ) made
    where made.before = 1
    union all
    select 'the history names nothing that is not there', s.subject || ' ' || s.subject_id, 'seq ' || s.seq
    from page s
    where s.subject = 'ledger_transfers' and not exists (
      select from public.ledger_transfers t
      where t.id = case when s.subject_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then s.subject_id::uuid end
    )
  )
  select jsonb_build_object(
    'rows', (select count(*) from page), 'found', (select jsonb_agg(to_jsonb(f)) from found f),
    'last', (select jsonb_build_object('seq', max(s.seq)) from page s)
  )
$$;

create function switchyard.ledger_check_profiles(p_after jsonb, p_rows integer) returns jsonb
language sql stable set search_path = '' as $$
  with page as materialized (
    select p.user_id from public.private_profiles p
    where p.user_id > coalesce((p_after ->> 'user')::uuid, '00000000-0000-0000-0000-000000000000') order by p.user_id limit p_rows
  ), found (invariant, offender, detail) as (
    select 'the history has every state of a private profile', 'owner ' || coalesce(o.id::text, 'of nobody'), p.kyc_status
    from page s
    join public.private_profiles p on p.user_id = s.user_id
    left join public.ledger_owners o on o.user_id = s.user_id
    left join lateral (
      select h.after from public.ledger_history h
      where h.subject_id = o.id::text and h.subject = 'private_profiles' order by h.seq desc limit 1
    ) h on true
    where h.after is null
      or jsonb_populate_record(null::public.private_profiles, h.after || jsonb_build_object('user_id', p.user_id)) is distinct from p
  )
  select jsonb_build_object(
    'rows', (select count(*) from page), 'found', (select jsonb_agg(to_jsonb(f)) from found f),
    'last', (select jsonb_build_object('user', s.user_id) from page s order by s.user_id desc limit 1)
  )
$$;

-- {"part": which one this was, "rows": how many, "found": [{"invariant", "offender", "detail"}], "next": p_after of the next
-- one, null when this was the last}. Without p_after it is the first.
create function public.ledger_check_part(p_after jsonb default null, p_rows integer default 2000) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_parts constant text[] := '{accounts,entries,transfers,history,profiles}';
  v_part text := coalesce(p_after ->> 'part', v_parts[1]);
  v_rows integer := least(greatest(p_rows, 1), 100000);
  v_said jsonb;
  v_next jsonb;
begin
  if array_position(v_parts, v_part) is null then
    raise exception 'There is no part %.', v_part using errcode = 'invalid_parameter_value';
  end if;
  v_said := case v_part
    when 'accounts' then switchyard.ledger_check_accounts(p_after, v_rows)
    when 'entries' then switchyard.ledger_check_entries(p_after, v_rows)
    when 'transfers' then switchyard.ledger_check_transfers(p_after, v_rows)
    when 'history' then switchyard.ledger_check_history(p_after, v_rows)
    when 'profiles' then switchyard.ledger_check_profiles(p_after, v_rows)
  end;
  -- until there are none: of transfers it may be fewer than v_rows in the middle
  v_next := case
    when (v_said ->> 'rows')::integer > 0 then v_said -> 'last' || jsonb_build_object('part', v_part)
    else jsonb_build_object('part', v_parts[array_position(v_parts, v_part) + 1])
  end;
  return jsonb_build_object(
    'part', v_part, 'rows', v_said -> 'rows',
    'found', case jsonb_typeof(v_said -> 'found') when 'array' then v_said -> 'found' else '[]' end,
    'next', case when v_next ->> 'part' is not null then v_next end
  );
end
$$;

-- All parts after one another, seen at one moment: for who may take as long as that takes.
create or replace function public.ledger_check(p_limit integer default 100)
returns table (invariant text, offender text, detail text)
language plpgsql stable security definer set search_path = '' as $$
declare
  v_said jsonb;
  v_left integer := greatest(p_limit, 1);
begin
  loop
    v_said := public.ledger_check_part(nullif(v_said -> 'next', 'null'), 100000);
    return query select f ->> 'invariant', f ->> 'offender', f ->> 'detail'
      from jsonb_array_elements(v_said -> 'found') f limit v_left;
    v_left := v_left - jsonb_array_length(v_said -> 'found');
    exit when v_left <= 0 or v_said -> 'next' = 'null';
  end loop;
end
$$;

-- Transfers and entries are counted by whoever walks them: to count them all is the longest statement of them.
create or replace function public.ledger_totals() returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'accounts', (select count(*) from public.ledger_accounts where kind = 'user'),
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

select switchyard.seal_function(p.oid::regprocedure)
from pg_catalog.pg_proc p where p.pronamespace = 'switchyard'::regnamespace and p.proname like 'ledger\_check\_%';
select switchyard.seal_function('public.ledger_check_part(jsonb, integer)', '{service_role}');
notify pgrst, 'reload schema';
