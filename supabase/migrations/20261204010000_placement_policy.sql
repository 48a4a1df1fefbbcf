-- plane: control
-- By what a new user's home is chosen: a policy of the whole deployment, in switchyard.settings ('placement_policy').
--
--   count    users / weight; the default
--   size     bytes / weight: what the whole database takes up, with those who have come since at the bytes of an average user.
--            (Those have nothing yet. But without that everybody goes to one database until it is measured again.)
--   load     active users / weight: those at home there whose row in auth.users Auth has touched within a day (at every sign-in
--            and refresh of a session), and those who have come since
--   latency  the database that answers the sign-up hook's probes soonest, smoothed. Those within half as much again, or 10 ms,
--            are equal, and of these it is count that decides: one alone would otherwise get everybody for a millisecond
--
-- A measure is good for ten minutes. Where one is missing for a database that can be chosen, count decides for all (reason
-- 'unmeasured'): two that are measured in different ways cannot be compared. The choice is made as before: all rows locked in
-- name order, then a second statement.

alter table switchyard.database_health
  -- as the sign-up hook waited for it: three parts of what it was, one of the last probe
  add column latency_ms numeric check (latency_ms >= 0),
  add column latency_at timestamptz;
alter table switchyard.database_state
  -- user_count when the bytes were measured
  add column sized_users bigint,
  add column active_users bigint,
  -- user_count when those were counted
  add column active_of bigint,
  add column active_at timestamptz;

create function switchyard.placement_policy() returns text
language sql stable set search_path = '' as $$
  select coalesce((select value from switchyard.settings where key = 'placement_policy'), 'count')
$$;
select switchyard.seal_function('switchyard.placement_policy()');

-- The first three columns as before (*_unconfirmed.sql), but that `load` is by the policy. Of equals the one with fewer users
-- goes first.
create or replace view switchyard.candidates as
select r.name, case when r.is_measured then r.measure else r.by_count end as load, r.down, r.by_count, r.policy, r.measure,
  r.measured_at,
  case when r.policy = 'count' then 'least_used' when not r.is_measured then 'unmeasured'
    when r.policy = 'size' then 'least_bytes' when r.policy = 'load' then 'least_active' else 'least_latency' end as reason
from (
  select m.*,
    -- those that are down are not chosen
    coalesce(bool_and(m.measure is not null) filter (where not m.down) over (), false) as is_measured
  from (
    select c.name, c.by_count, c.down, c.policy,
      case c.policy
        when 'count' then c.by_count
        -- not below nothing when users have left since; and null stays null, which greatest(0, ...) would not
        when 'size' then (c.bytes + greatest(-c.bytes, (c.user_count - c.sized_users) * c.bytes_per_user)) / c.weight
        when 'load' then (c.active_users + greatest(-c.active_users, c.user_count - c.active_of)) / c.weight
        when 'latency' then case when c.latency_ms <= greatest(c.soonest_ms * 1.5, c.soonest_ms + 10) then 0 else c.latency_ms end
      end as measure,
      case c.policy when 'size' then c.sized_at when 'load' then c.active_at when 'latency' then c.latency_at end as measured_at
    from (
      select b.*,
        coalesce(sum(b.bytes) over () / nullif(sum(b.sized_users) over (), 0), 0) as bytes_per_user,
        min(b.latency_ms) filter (where not b.down) over () as soonest_ms
      from (
        select d.name, d.weight, d.user_count, d.user_count / d.weight as by_count, p.policy,
          not coalesce(h.healthy, true)
            or coalesce(s.bytes >= d.capacity_bytes * d.full_at_percent / 100, false)
            or coalesce(s.refused_at > clock_timestamp() - interval '5 minutes', false) as down,
          case when s.sized_at > p.since then s.bytes end as bytes, s.sized_users, s.sized_at,
          case when s.active_at > p.since then s.active_users end as active_users, s.active_of, s.active_at,
          case when l.latency_at > p.since then l.latency_ms end as latency_ms, l.latency_at
        from switchyard.databases d
        cross join (
          select switchyard.placement_policy() as policy, clock_timestamp() - interval '10 minutes' as since offset 0
        ) p
        left join switchyard.database_health h on h.name = d.name and h.checked_at > clock_timestamp() - interval '1 minute'
        left join switchyard.database_health l on l.name = d.name
        left join switchyard.database_state s on s.name = d.name
        where d.accepting and (d.capacity_users is null or d.user_count - d.unconfirmed_count < d.capacity_users)
      ) b
    ) c
  ) m
) r;

-- As before (*_placement.sql), but for the order and the reason of the choice.
create or replace function switchyard.assign(p_user_id uuid, p_to text default null) returns void
language plpgsql as $$
declare
  v_home text;
  v_reason text;
  v_candidate record;
begin
  -- lock_databases(), written out
  perform 1 from switchyard.databases order by name for update;
  if not exists (
    select from auth.users u where u.id = p_user_id and u.deleted_at is null
      and not exists (select from public.user_database_assignments a where a.user_id = u.id)
  ) then
    return;
  end if;
  if p_to is not null then
    select name, 'requested' into v_home, v_reason from switchyard.databases where name = p_to;
    if v_home is null then
      raise exception 'There is no database named "%".', p_to using errcode = 'invalid_parameter_value';
    end if;
  else
    for v_candidate in select name, down, reason from switchyard.candidates order by load, by_count, name loop
      if not v_candidate.down then
        v_home := v_candidate.name;
        v_reason := coalesce(v_reason, v_candidate.reason);
        exit;
      end if;
      -- the one that would have been chosen is down
      v_reason := 'fallback';
    end loop;
    if v_home is null then
      raise exception 'No database can take new users at the moment. Please try again later.'
        using hint = 'See switchyard.databases: accepting, capacity_users, and switchyard.database_health.';
    end if;
  end if;
  insert into public.user_database_assignments (user_id, database_provider, reason)
  values (p_user_id, v_home, v_reason);
  insert into switchyard.assignment_history (user_id, database_provider, epoch, event, reason)
  values (p_user_id, v_home, 1, 'assigned', v_reason);
  raise log '%', jsonb_build_object('event', 'assignment', 'user_id', p_user_id, 'home', v_home, 'reason', v_reason);
end $$;

-- Counts the active users of each home. It reads auth.users once: 100,000 take about 50 ms.
create function switchyard.measure_activity() returns void
language sql set search_path = '' as $$
  -- in name order: two at once wait for each other, and never both
  insert into switchyard.database_state as s (name, active_users, active_of, active_at)
  select d.name, coalesce(n.active, 0), d.user_count, clock_timestamp()
  from switchyard.databases d left join (
    select a.database_provider as name, count(*) as active
    from auth.users u join public.user_database_assignments a on a.user_id = u.id
    where greatest(u.last_sign_in_at, u.updated_at) > clock_timestamp() - interval '1 day'
    group by 1
  ) n on n.name = d.name
  order by d.name
  on conflict (name) do update
  set active_users = excluded.active_users, active_of = excluded.active_of, active_at = excluded.active_at
$$;
select switchyard.seal_function('switchyard.measure_activity()');

-- As before (*_full_databases.sql), and how many users that is.
create or replace function public.switchyard_report_sizes(p_sizes jsonb) returns void
language sql security definer set search_path = '' as $$
  -- in name order: two reports at once wait for each other, and never both
  insert into switchyard.database_state as s (name, bytes, sized_at, sized_users)
  select d.name, (p_sizes ->> d.name)::bigint, clock_timestamp(), d.user_count from switchyard.databases d
  where p_sizes ->> d.name is not null order by d.name
  on conflict (name) do update set bytes = excluded.bytes, sized_at = excluded.sized_at, sized_users = excluded.sized_users
$$;

-- As before (*_full_databases.sql); a report may say how long a database took to answer. Active users are counted where they
-- are chosen by, once a minute.
create or replace function public.switchyard_report_healths(p_reports jsonb) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  -- some drivers encode JSON twice
  v_reports jsonb := case jsonb_typeof(p_reports) when 'string' then (p_reports #>> '{}')::jsonb else p_reports end;
  v_self text := (select name from switchyard.self);
  v_sizes jsonb;
begin
  -- in name order: two reports at once wait for each other, and never both
  insert into switchyard.database_health as h (name, healthy, error, checked_at, latency_ms, latency_at)
  select d.name, coalesce(r.healthy, false),
    case when r.name is null then format('not configured where sign-ups are checked: set %s',
      case d.name when 'supabase' then 'SUPABASE_URL' when 'mongodb' then 'MONGODB_URI' else 'DATABASE_' || upper(d.name) end)
    else left(r.error, 500) end,
    clock_timestamp(), r.latency_ms, case when r.latency_ms is not null then clock_timestamp() end
  from switchyard.databases d
  left join jsonb_to_recordset(v_reports) r (name text, healthy boolean, error text, latency_ms numeric) on r.name = d.name
  order by d.name
  on conflict (name) do update
  set healthy = excluded.healthy, error = excluded.error, checked_at = excluded.checked_at,
    latency_ms = case when excluded.latency_ms is null then h.latency_ms
      when h.latency_at > clock_timestamp() - interval '10 minutes' then round((h.latency_ms * 3 + excluded.latency_ms) / 4, 3)
      else excluded.latency_ms end,
    latency_at = coalesce(excluded.latency_at, h.latency_at);
  select jsonb_object_agg(r.name, r.bytes) filter (where r.bytes is not null) into v_sizes
  from jsonb_to_recordset(v_reports) r (name text, bytes bigint);
  if not exists (
    select from switchyard.database_state where name = v_self and sized_at > clock_timestamp() - interval '1 minute'
  ) then
    v_sizes := coalesce(v_sizes, '{}') || jsonb_build_object(v_self, pg_database_size(current_database()));
  end if;
  if v_sizes is not null then
    perform public.switchyard_report_sizes(v_sizes);
  end if;
  if switchyard.placement_policy() = 'load' and not exists (
    select from switchyard.database_state where name = v_self and active_at > clock_timestamp() - interval '1 minute'
  ) then
    perform switchyard.measure_activity();
  end if;
  return public.switchyard_can_place();
end $$;

-- Sets the policy; the measures that this Postgres can take are taken at once.
create function public.switchyard_set_placement_policy(p_policy text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if p_policy is null or p_policy not in ('count', 'size', 'load', 'latency') then
    raise exception 'The policy is count, size, load or latency.' using errcode = 'invalid_parameter_value';
  end if;
  insert into switchyard.settings as s (key, value) values ('placement_policy', p_policy)
  on conflict (key) do update set value = excluded.value;
  if p_policy = 'load' then
    perform switchyard.measure_activity();
  elsif p_policy = 'size' then
    perform public.switchyard_report_sizes(jsonb_build_object((select name from switchyard.self), pg_database_size(current_database())));
  end if;
end $$;

-- {policy, used, unmeasured, databases: [{name, down, measure, measured_at}]}. `used` is what decides now: count, where a
-- measure is missing of those in `unmeasured`. `databases` are those that take new users.
create function public.switchyard_placement() returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'policy', switchyard.placement_policy(),
    'used', case when bool_or(c.reason = 'unmeasured') then 'count' else switchyard.placement_policy() end,
    'unmeasured', coalesce(jsonb_agg(c.name order by c.name) filter (where c.measure is null and not c.down), '[]'),
    'databases', coalesce(jsonb_agg(jsonb_build_object('name', c.name, 'down', c.down, 'measure', c.measure,
      'measured_at', c.measured_at) order by c.name), '[]'))
  from switchyard.candidates c
$$;

select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_report_sizes(jsonb)', 'public.switchyard_report_healths(jsonb)',
  'public.switchyard_set_placement_policy(text)', 'public.switchyard_placement()'
]::regprocedure[]) f;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
