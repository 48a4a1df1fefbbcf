-- plane: control
-- Measures of the API: how many requests, how they ended, and how long they and the calls of databases took. Each instance adds
-- up in memory and brings what has come about once a minute; what is kept here is sums, never a single request.
--
-- series   a metric with its labels: {"method", "route", "database", "status", "code"} of requests. Their number is bounded:
--          beyond max_series a new one is refused, and those that are there go on.
-- span     a row is the sum of a series over a minute, over an hour (minutes become hours once they are six hours old, and go
--          after 30 days), or ever, which is what counters of Prometheus are.
-- flush    one delivery of an instance's, by its own id: what was brought already, and not heard of, counts once.

create table switchyard.metrics (
  span text not null check (span in ('minute', 'hour', 'ever')),
  -- when it begins; of "ever": epoch
  at timestamptz not null,
  metric text not null check (metric ~ '^[a-z][a-z_]{0,39}$'),
  labels jsonb not null check (jsonb_typeof(labels) = 'object' and octet_length(labels::text) <= 1000),
  count bigint not null,
  -- all of them together
  seconds double precision not null,
  -- how many took no longer than each bound of shared/metrics/buckets.ts and longer than the one before; the last: longer than
  -- all. Empty: a counter
  buckets bigint[] not null check (cardinality(buckets) in (0, 12)),
  primary key (span, at, metric, labels)
);
create table switchyard.metric_flushes (
  id uuid primary key,
  at timestamptz not null default clock_timestamp()
);
create index metric_flushes_at on switchyard.metric_flushes (at);
alter table switchyard.metrics enable row level security;
alter table switchyard.metric_flushes enable row level security;
do $$
declare
  v_table text;
  v_role text;
begin
  foreach v_table in array array['metrics', 'metric_flushes'] loop
    execute format('revoke all on switchyard.%I from public', v_table);
    for v_role in select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
      execute format('revoke all on switchyard.%I from %I', v_table, v_role);
    end loop;
  end loop;
end $$;

create function switchyard.add_buckets(p_one bigint[], p_other bigint[]) returns bigint[]
language sql immutable set search_path = '' as $$
  select coalesce(array_agg(coalesce(u.a, 0) + coalesce(u.b, 0) order by u.n), '{}')
  from unnest(p_one, p_other) with ordinality u(a, b, n)
$$;

-- Adds what an instance has counted: [{at, metric, labels, count, seconds, buckets}], `at` a minute. How many series were refused
-- because there are too many. A flush that is known adds nothing, and so does what is older than twelve hours: for so long,
-- and longer, the ids of flushes are kept. (Rows are locked in one order, whoever calls: "ever" by metric and labels, then minutes.)
create function public.switchyard_flush_metrics(p_id uuid, p_series jsonb) returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  c_max_series constant integer := 5000;
  v_now timestamptz := clock_timestamp();
  v_known integer;
  v_refused integer := 0;
  v_row record;
begin
  insert into switchyard.metric_flushes (id) values (p_id) on conflict do nothing;
  if not found then
    return 0;
  end if;
  select count(*) into v_known from switchyard.metrics where span = 'ever';
  for v_row in
    select s ->> 'metric' as metric, s -> 'labels' as labels, (s ->> 'count')::bigint as count,
      coalesce((s ->> 'seconds')::double precision, 0) as seconds,
      array(select b::bigint from jsonb_array_elements_text(coalesce(s -> 'buckets', '[]')) b) as buckets,
      date_trunc('minute', least((s ->> 'at')::timestamptz, v_now), 'UTC') as at
    from jsonb_array_elements(p_series) s
    where (s ->> 'at')::timestamptz > v_now - interval '12 hours'
    order by 1, 2, 6
    limit 10000
  loop
    if v_known >= c_max_series and not exists (
      select from switchyard.metrics m
      where m.span = 'ever' and m.at = 'epoch' and m.metric = v_row.metric and m.labels = v_row.labels
    ) then
      v_refused := v_refused + 1;
      continue;
    end if;
    insert into switchyard.metrics as m (span, at, metric, labels, count, seconds, buckets)
    values ('ever', 'epoch', v_row.metric, v_row.labels, v_row.count, v_row.seconds, v_row.buckets)
    on conflict (span, at, metric, labels) do update set count = m.count + excluded.count,
      seconds = m.seconds + excluded.seconds, buckets = switchyard.add_buckets(m.buckets, excluded.buckets);
    insert into switchyard.metrics as m (span, at, metric, labels, count, seconds, buckets)
    values ('minute', v_row.at, v_row.metric, v_row.labels, v_row.count, v_row.seconds, v_row.buckets)
    on conflict (span, at, metric, labels) do update set count = m.count + excluded.count,
      seconds = m.seconds + excluded.seconds, buckets = switchyard.add_buckets(m.buckets, excluded.buckets);
  end loop;
  return v_refused;
end $$;

-- Makes hours of the oldest minutes and takes away what is old, a part of it; how many rows went. By whoever flushes, once in a
-- while: there may be no pg_cron. One at a time; the others go on with their work.
create function public.switchyard_trim_metrics() returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_hour timestamptz;
  v_gone integer := 0;
  v_more integer;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('switchyard.metrics', 0)) then
    return 0;
  end if;
  select date_trunc('hour', min(at), 'UTC') into v_hour from switchyard.metrics where span = 'minute';
  if v_hour < date_trunc('hour', clock_timestamp(), 'UTC') - interval '6 hours' then
    with gone as (
      delete from switchyard.metrics where span = 'minute' and at >= v_hour and at < v_hour + interval '1 hour'
      returning metric, labels, count, seconds, buckets
    )
    insert into switchyard.metrics as m (span, at, metric, labels, count, seconds, buckets)
    select 'hour', v_hour, g.metric, g.labels, sum(g.count), sum(g.seconds),
      case when max(cardinality(g.buckets)) = 0 then '{}' else array[
        sum(g.buckets[1]), sum(g.buckets[2]), sum(g.buckets[3]), sum(g.buckets[4]), sum(g.buckets[5]), sum(g.buckets[6]),
        sum(g.buckets[7]), sum(g.buckets[8]), sum(g.buckets[9]), sum(g.buckets[10]), sum(g.buckets[11]), sum(g.buckets[12])
      ]::bigint[] end
    from gone g group by g.metric, g.labels
    on conflict (span, at, metric, labels) do update set count = m.count + excluded.count,
      seconds = m.seconds + excluded.seconds, buckets = switchyard.add_buckets(m.buckets, excluded.buckets);
    get diagnostics v_gone = row_count;
  end if;
  delete from switchyard.metrics where ctid = any (array(
    select ctid from switchyard.metrics where span = 'hour' and at < clock_timestamp() - interval '30 days' limit 10000
  ));
  get diagnostics v_more = row_count;
  v_gone := v_gone + v_more;
  delete from switchyard.metric_flushes where id = any (array(
    select id from switchyard.metric_flushes where at < clock_timestamp() - interval '1 day' order by at limit 10000
  ));
  get diagnostics v_more = row_count;
  return v_gone + v_more;
end $$;

-- All series since counting began: [{metric, labels, count, seconds, buckets}].
create function public.switchyard_metric_totals() returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('metric', m.metric, 'labels', m.labels, 'count', m.count, 'seconds', m.seconds,
    'buckets', m.buckets) order by m.metric, m.labels), '[]')
  from switchyard.metrics m where m.span = 'ever'
$$;

-- Requests since then, by the minute, or by the hour where that is more than six hours ago: {step_seconds, points: [{at,
-- database, requests, errors, refused, limited, buckets}], routes: [{method, route, requests, errors, refused, buckets}]}.
-- Points have a row for each database, "none" for requests that asked none; a minute without requests has none. Errors are
-- 5xx, refused 4xx, limited those of them that were too many. Routes: the 200 with most requests.
create function public.switchyard_metric_points(p_since timestamptz) returns jsonb
language sql stable security definer set search_path = '' as $$
  with asked as (
    select greatest(p_since, clock_timestamp() - interval '30 days') as since,
      case when p_since < clock_timestamp() - interval '6 hours' then 'hour' else 'minute' end as step
  ), rows as (
    select date_trunc(a.step, m.at, 'UTC') as at, m.labels ->> 'database' as database, m.labels ->> 'method' as method,
      m.labels ->> 'route' as route, m.labels ->> 'status' as status, m.labels ->> 'code' as code, m.count, m.buckets
    from asked a join switchyard.metrics m on m.span in ('minute', 'hour') and m.at >= date_trunc(a.step, a.since, 'UTC')
      and m.metric = 'request'
  )
  select jsonb_build_object(
    'step_seconds', (select case step when 'hour' then 3600 else 60 end from asked),
    'points', coalesce((
      select jsonb_agg(to_jsonb(p) order by p.at, p.database) from (
        select r.at, r.database, sum(r.count) as requests, coalesce(sum(r.count) filter (where r.status = '5xx'), 0) as errors,
          coalesce(sum(r.count) filter (where r.status = '4xx'), 0) as refused,
          coalesce(sum(r.count) filter (where r.code = 'rate_limited'), 0) as limited,
          array[sum(r.buckets[1]), sum(r.buckets[2]), sum(r.buckets[3]), sum(r.buckets[4]), sum(r.buckets[5]), sum(r.buckets[6]),
            sum(r.buckets[7]), sum(r.buckets[8]), sum(r.buckets[9]), sum(r.buckets[10]), sum(r.buckets[11]), sum(r.buckets[12])
          ] as buckets
        from rows r group by r.at, r.database
      ) p
    ), '[]'),
    'routes', coalesce((
      select jsonb_agg(to_jsonb(p) order by p.requests desc, p.route, p.method) from (
        select r.method, r.route, sum(r.count) as requests, coalesce(sum(r.count) filter (where r.status = '5xx'), 0) as errors,
          coalesce(sum(r.count) filter (where r.status = '4xx'), 0) as refused,
          array[sum(r.buckets[1]), sum(r.buckets[2]), sum(r.buckets[3]), sum(r.buckets[4]), sum(r.buckets[5]), sum(r.buckets[6]),
            sum(r.buckets[7]), sum(r.buckets[8]), sum(r.buckets[9]), sum(r.buckets[10]), sum(r.buckets[11]), sum(r.buckets[12])
          ] as buckets
        from rows r group by r.method, r.route order by 3 desc, 2, 1 limit 200
      ) p
    ), '[]'))
$$;

select switchyard.seal_function('switchyard.add_buckets(bigint[], bigint[])'::regprocedure);
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_flush_metrics(uuid, jsonb)', 'public.switchyard_trim_metrics()', 'public.switchyard_metric_totals()',
  'public.switchyard_metric_points(timestamptz)'
]::regprocedure[]) f;

notify pgrst, 'reload schema';
