-- plane: control
-- Alerts: what is wrong with the system, each told once when it begins and once when it ends.
--
-- found     a condition, by kind and subject (`database_down`, `mongodb`), as somebody has looked at it just now: it is so, or not.
--           What could not be looked at is not found, and nothing changes.
-- alert     a condition that is so. It begins when it has been so for `hold_seconds`, and ends when it has not been so for
--           `clear_seconds`: what comes and goes in between is told of by nobody.
-- notice    one message about an alert: its beginning or its end. It is due until the receiver has taken it, under one id, so
--           that a receiver knows what it has been told twice. The end is told after the beginning, and not without it.
--
-- Any number may look and tell at the same time: what was found is noted by one after the other, and a notice has a lease.

create table switchyard.alerts (
  id uuid primary key default gen_random_uuid(),
  kind text not null check (kind ~ '^[a-z][a-z_]{0,39}$'),
  subject text not null check (length(subject) <= 100),
  detail text not null check (length(detail) <= 1000),
  first_seen_at timestamptz not null default clock_timestamp(),
  -- null: not for long enough yet
  began_at timestamptz,
  last_seen_at timestamptz not null default clock_timestamp(),
  -- since when it is not so; null: it is
  clear_since timestamptz,
  ended_at timestamptz
);
create unique index alerts_open on switchyard.alerts (kind, subject) where ended_at is null;
create index alerts_began on switchyard.alerts (began_at desc, id);
create table switchyard.alert_notices (
  id uuid primary key default gen_random_uuid(),
  alert_id uuid not null references switchyard.alerts on delete cascade,
  event text not null check (event in ('began', 'ended')),
  at timestamptz not null default clock_timestamp(),
  due_at timestamptz not null default clock_timestamp(),
  leased_until timestamptz,
  attempts integer not null default 0,
  sent_at timestamptz,
  last_error text,
  unique (alert_id, event)
);
create index alert_notices_due on switchyard.alert_notices (due_at) where sent_at is null;
-- One row: how far the books were walked.
create table switchyard.ledger_watch (
  id boolean primary key default true check (id),
  next jsonb,
  walked_at timestamptz,
  -- of the walk that is under way, and of the last whole one
  offences bigint not null default 0,
  said text,
  last_offences bigint,
  last_said text
);
insert into switchyard.ledger_watch default values;
alter table switchyard.alerts enable row level security;
alter table switchyard.alert_notices enable row level security;
alter table switchyard.ledger_watch enable row level security;
do $$
declare
  v_table text;
  v_role text;
begin
  foreach v_table in array array['alerts', 'alert_notices', 'ledger_watch'] loop
    execute format('revoke all on switchyard.%I from public', v_table);
    for v_role in select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
      execute format('revoke all on switchyard.%I from %I', v_table, v_role);
    end loop;
  end loop;
end $$;

-- Notes what was found: [{kind, subject, is_so, detail, hold_seconds, clear_seconds}]; is_so null: neither, what was goes on.
-- Notices are made where p_tell. How many alerts have begun and not ended. What nobody has looked at for a day (a database that was removed) ends, too.
create function public.switchyard_note_alerts(p_found jsonb, p_tell boolean) returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_now timestamptz;
  v_found record;
  v_alert switchyard.alerts;
begin
  perform pg_advisory_xact_lock(hashtextextended('switchyard.alerts', 0));
  v_now := clock_timestamp();
  for v_found in
    select distinct on (f ->> 'kind', f ->> 'subject') f ->> 'kind' as kind, f ->> 'subject' as subject,
      (f ->> 'is_so')::boolean as is_so, left(f ->> 'detail', 1000) as detail,
      make_interval(secs => (f ->> 'hold_seconds')::numeric) as hold, make_interval(secs => (f ->> 'clear_seconds')::numeric) as clear
    from jsonb_array_elements(p_found) f limit 1000
  loop
    select * into v_alert from switchyard.alerts a
    where a.kind = v_found.kind and a.subject = v_found.subject and a.ended_at is null;
    if not found then
      continue when v_found.is_so is not true;
      insert into switchyard.alerts (kind, subject, detail, first_seen_at, last_seen_at)
      values (v_found.kind, v_found.subject, v_found.detail, v_now, v_now) returning * into v_alert;
    end if;
    if v_found.is_so is null then
      update switchyard.alerts set last_seen_at = v_now where id = v_alert.id;
    elsif v_found.is_so then
      update switchyard.alerts set detail = v_found.detail, last_seen_at = v_now, clear_since = null,
        began_at = coalesce(began_at, case when v_now - first_seen_at >= v_found.hold then v_now end)
      where id = v_alert.id;
      if v_alert.began_at is null and v_now - v_alert.first_seen_at >= v_found.hold and p_tell then
        insert into switchyard.alert_notices (alert_id, event) values (v_alert.id, 'began');
      end if;
    elsif v_alert.began_at is null then
      delete from switchyard.alerts where id = v_alert.id;
    elsif v_now - coalesce(v_alert.clear_since, v_now) >= v_found.clear then
      perform switchyard.end_alert(v_alert.id);
    else
      update switchyard.alerts set clear_since = coalesce(clear_since, v_now) where id = v_alert.id;
    end if;
  end loop;
  perform switchyard.end_alert(a.id) from switchyard.alerts a
  where a.ended_at is null and greatest(a.last_seen_at, a.clear_since) < v_now - interval '1 day';
  delete from switchyard.alerts where id = any (array(
    select a.id from switchyard.alerts a where a.ended_at < v_now - interval '90 days' limit 1000
  ));
  return (select count(*) from switchyard.alerts where began_at is not null and ended_at is null);
end $$;

create function switchyard.end_alert(p_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
begin
  update switchyard.alerts set ended_at = clock_timestamp() where id = p_id and ended_at is null and began_at is not null;
  if not found then
    delete from switchyard.alerts where id = p_id and began_at is null;
    return;
  end if;
  insert into switchyard.alert_notices (alert_id, event)
  select n.alert_id, 'ended' from switchyard.alert_notices n where n.alert_id = p_id and n.event = 'began'
  on conflict do nothing;
end $$;

-- A notice that is due, for so many seconds, with its alert; null: none is. (The end waits until the beginning is told.)
create function public.switchyard_claim_notice(p_lease_seconds integer default 30) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_notice switchyard.alert_notices;
begin
  select * into v_notice from switchyard.alert_notices n
  where n.sent_at is null and n.due_at <= clock_timestamp()
    and (n.leased_until is null or n.leased_until < clock_timestamp())
    and (n.event = 'began' or not exists (
      select from switchyard.alert_notices b where b.alert_id = n.alert_id and b.event = 'began' and b.sent_at is null
    ))
  order by n.due_at, n.at limit 1 for update skip locked;
  if not found then
    return null;
  end if;
  update switchyard.alert_notices set attempts = attempts + 1,
    leased_until = clock_timestamp() + make_interval(secs => greatest(1, least(p_lease_seconds, 3600)))
  where id = v_notice.id;
  return (
    select jsonb_build_object('id', v_notice.id, 'event', v_notice.event, 'at', v_notice.at, 'attempts', v_notice.attempts + 1,
      'alert', jsonb_build_object('id', a.id, 'kind', a.kind, 'subject', a.subject, 'detail', a.detail, 'began_at', a.began_at,
        'ended_at', case when v_notice.event = 'ended' then a.ended_at end))
    from switchyard.alerts a where a.id = v_notice.alert_id
  );
end $$;

-- It was taken (p_error null), or is due again, later the more often it was tried: an hour at most. False: the lease is another's.
create function public.switchyard_settle_notice(p_id uuid, p_attempts integer, p_error text default null) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update switchyard.alert_notices set leased_until = null, last_error = left(p_error, 500),
    sent_at = case when p_error is null then clock_timestamp() end,
    due_at = case when p_error is null then due_at
      else clock_timestamp() + make_interval(secs => least(3600, 10 * 2 ^ least(p_attempts - 1, 10))) end
  where id = p_id and attempts = p_attempts and sent_at is null;
  return found;
end $$;

-- Alerts that have begun, the newest first: those that have not ended unless p_ended, [{id, kind, subject, detail, began_at,
-- last_seen_at, ended_at, told_at, end_told_at, last_error}].
create function public.switchyard_list_alerts(p_ended boolean default false, p_limit integer default 100) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(p) order by p.began_at desc, p.id), '[]') from (
    select a.id, a.kind, a.subject, a.detail, a.began_at, a.last_seen_at, a.ended_at,
      (select n.sent_at from switchyard.alert_notices n where n.alert_id = a.id and n.event = 'began') as told_at,
      (select n.sent_at from switchyard.alert_notices n where n.alert_id = a.id and n.event = 'ended') as end_told_at,
      (select n.last_error from switchyard.alert_notices n where n.alert_id = a.id and n.sent_at is null order by n.at limit 1)
        as last_error
    from switchyard.alerts a
    where a.began_at is not null and (p_ended or a.ended_at is null)
    order by a.began_at desc, a.id limit greatest(1, least(p_limit, 500))
  ) p
$$;

-- Tasks that should have been done by now: {purges: [{database, count, oldest_at, error}], moves: {count, oldest_at, error}}. A
-- purge is overdue an hour after it was due at first, a move when it has not got further for half an hour.
create function public.switchyard_overdue_work() returns jsonb
language sql volatile security definer set search_path = '' as $$
  select jsonb_build_object(
    'purges', (
      select coalesce(jsonb_agg(to_jsonb(p) order by p.database), '[]') from (
        select t.database, count(*) as count, min(t.created_at) as oldest_at, max(t.last_error) as error
        from (
          select t.database, t.created_at, t.last_error from switchyard.tasks t
          where t.queue = 'purge' and t.done_at is null and (
            t.due_at < clock_timestamp() - interval '1 hour'
            or t.last_error is not null and t.due_at < clock_timestamp() + interval '1 hour' and t.created_at < clock_timestamp()
              - interval '1 hour' - case when t.payload @> '{"run": 2}' then switchyard.token_lifetime() else interval '0' end
          ) limit 10000
        ) t group by t.database
      ) p
    ),
    'moves', (
      select jsonb_build_object('count', count(*), 'oldest_at', min(m.since), 'error', max(m.last_error)) from (
        select coalesce(m.switched_at, m.created_at) as since, m.last_error from switchyard.moves m
        where m.state in ('announced', 'copying', 'switched', 'aborting')
          and coalesce(m.switched_at, m.created_at) < clock_timestamp() - interval '30 minutes' limit 10000
      ) m
    ))
$$;

-- Walks on through the books, so many rows, and says what the walk has found: {walked_at: when the last whole walk ended, offences,
-- said: the first of them, is_whole}. Who was at the end begins again ten minutes later. One walks at a time; the others hear
-- what is known.
create function public.switchyard_watch_ledger(p_rows integer default 1000) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_watch switchyard.ledger_watch;
  v_part jsonb;
  v_is_end boolean := false;
begin
  select * into v_watch from switchyard.ledger_watch for update skip locked;
  if found and (v_watch.next is not null or coalesce(v_watch.walked_at < clock_timestamp() - interval '10 minutes', true)) then
    v_part := public.ledger_check_part(v_watch.next, p_rows);
    v_is_end := v_part -> 'next' = 'null';
    v_watch.offences := v_watch.offences + jsonb_array_length(v_part -> 'found');
    v_watch.said := coalesce(v_watch.said, left(
      (v_part #>> '{found,0,invariant}') || ': ' || (v_part #>> '{found,0,offender}') || ': ' || (v_part #>> '{found,0,detail}'), 500));
    update switchyard.ledger_watch set
      next = case when v_is_end then null else v_part -> 'next' end,
      walked_at = case when v_is_end then clock_timestamp() else walked_at end,
      offences = case when v_is_end then 0 else v_watch.offences end,
      said = case when v_is_end then null else v_watch.said end,
      last_offences = case when v_is_end then v_watch.offences else last_offences end,
      last_said = case when v_is_end then v_watch.said else last_said end;
  end if;
  return (
    select jsonb_build_object('walked_at', w.walked_at, 'is_whole', w.next is null and w.walked_at is not null,
      'offences', greatest(w.offences, w.last_offences), 'said', coalesce(w.said, w.last_said))
    from switchyard.ledger_watch w
  );
end $$;

-- Where pg_cron is, the edge function `alerts` is woken once a minute. Elsewhere a loop calls it, or the operator's own
-- clock: switchyard alerts check.
create function switchyard.alerts_tick() returns void
language plpgsql set search_path = '' as $$
begin
  perform switchyard.wake_function('alerts');
exception when others then
  raise warning 'switchyard: nobody looks for alerts: %', sqlerrm;
end $$;
do $$
begin
  if to_regprocedure('cron.schedule(text, text, text)') is not null then
    perform cron.schedule('switchyard-alerts', '* * * * *', 'select switchyard.alerts_tick()');
  end if;
exception when others then
  raise notice 'pg_cron is not there: %', sqlerrm;
end $$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.alerts_tick()', 'switchyard.end_alert(uuid)'
]::regprocedure[]) f;
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_note_alerts(jsonb, boolean)', 'public.switchyard_claim_notice(integer)',
  'public.switchyard_settle_notice(uuid, integer, text)', 'public.switchyard_list_alerts(boolean, integer)',
  'public.switchyard_overdue_work()', 'public.switchyard_watch_ledger(integer)'
]::regprocedure[]) f;

notify pgrst, 'reload schema';
