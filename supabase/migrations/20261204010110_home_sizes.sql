-- plane: control
-- How much each user keeps in their home, as it was measured last: what moves are planned by. Nothing that writes keeps it; whoever
-- plans has it measured, home by home, and what nobody has measured counts as an average user of that home.

create table switchyard.user_sizes (
  user_id uuid primary key,
  -- where it was measured: of one who has moved since, it counts no longer
  database text not null,
  records bigint not null check (records >= 0),
  bytes bigint not null check (bytes >= 0),
  measured_at timestamptz not null default clock_timestamp()
);
alter table switchyard.user_sizes enable row level security;
do $$
declare
  v_role text;
begin
  revoke all on switchyard.user_sizes from public;
  for v_role in select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
    execute format('revoke all on switchyard.user_sizes from %I', v_role);
  end loop;
end $$;

-- A deleted user leaves none. (No foreign key: it would refuse to truncate the assignments.)
create function switchyard.sizes_removed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from switchyard.user_sizes where user_id in (select user_id from removed);
  return null;
end $$;
create trigger switchyard_sizes_removed after delete on public.user_database_assignments
  referencing old table as removed for each statement execute function switchyard.sizes_removed();

-- Up to so many users at home there whose size is not known, or older than that.
create function public.switchyard_unmeasured_users(p_home text, p_older_seconds integer default 3600, p_limit integer default 200)
returns uuid[]
language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(u.user_id), '{}') from (
    select a.user_id
    from public.user_database_assignments a
    left join switchyard.user_sizes z on z.user_id = a.user_id and z.database = a.database_provider
    where a.database_provider = p_home
      and (z.user_id is null or z.measured_at < clock_timestamp() - make_interval(secs => greatest(60, p_older_seconds)))
    order by z.measured_at nulls first, a.user_id
    limit greatest(1, least(p_limit, 1000))
  ) u
$$;

-- p_sizes: {"<id>": [records, bytes]}, as they are at home there. Of others nothing is kept.
create function public.switchyard_report_user_sizes(p_home text, p_sizes jsonb) returns void
language sql volatile security definer set search_path = '' as $$
  with given as (
    -- whoever is deleted meanwhile is waited for, and gone; in the order in which deletions lock, too
    select a.user_id from public.user_database_assignments a
    where a.database_provider = p_home and a.user_id in (select k::uuid from jsonb_object_keys(p_sizes) k)
    order by a.user_id for key share
  )
  insert into switchyard.user_sizes as z (user_id, database, records, bytes)
  select g.user_id, p_home, (p_sizes -> g.user_id::text ->> 0)::bigint, (p_sizes -> g.user_id::text ->> 1)::bigint
  from given g order by g.user_id
  on conflict (user_id) do update
  set database = excluded.database, records = excluded.records, bytes = excluded.bytes, measured_at = excluded.measured_at
$$;

-- Of each database: [{name, users, records, bytes, active, measured, measured_since}]. Who is being moved counts where they are
-- going. records and bytes are of the `measured` ones, the oldest of which is as old as measured_since; active are those whom
-- Auth has seen within a day, as in switchyard.measure_activity().
create function public.switchyard_home_loads() returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(l) order by l.name), '[]') from (
    select d.name, count(h.user_id) as users, coalesce(sum(z.records), 0) as records, coalesce(sum(z.bytes), 0) as bytes,
      count(h.user_id) filter (where greatest(u.last_sign_in_at, u.updated_at) > clock_timestamp() - interval '1 day') as active,
      count(z.user_id) as measured, min(z.measured_at) as measured_since
    from switchyard.databases d
    left join (
      select a.user_id, a.database_provider, coalesce(m.target, a.database_provider) as home
      from public.user_database_assignments a
      left join switchyard.moves m on m.user_id = a.user_id and m.state in ('announced', 'copying')
    ) h on h.home = d.name
    left join auth.users u on u.id = h.user_id
    left join switchyard.user_sizes z on z.user_id = h.user_id and z.database = h.database_provider
    group by d.name
  ) l
$$;

-- The users at home there who are not being moved, largest first, and those who were not measured behind them:
-- [[id, records, bytes, active]], null for what is not known.
create function public.switchyard_largest_users(p_home text, p_limit integer default 5000) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_array(l.user_id, l.records, l.bytes, l.active) order by l.bytes desc nulls last, l.user_id), '[]')
  from (
    select a.user_id, z.records, z.bytes,
      coalesce(greatest(u.last_sign_in_at, u.updated_at) > clock_timestamp() - interval '1 day', false) as active
    from public.user_database_assignments a
    join auth.users u on u.id = a.user_id
    left join switchyard.user_sizes z on z.user_id = a.user_id and z.database = a.database_provider
    where a.database_provider = p_home and not exists (
      select from switchyard.moves m
      where m.user_id = a.user_id and m.state in ('announced', 'copying', 'switched', 'aborting')
    )
    order by z.bytes desc nulls last, a.user_id
    limit greatest(1, least(p_limit, 10000))
  ) l
$$;

select switchyard.seal_function('switchyard.sizes_removed()'::regprocedure);
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_unmeasured_users(text, integer, integer)', 'public.switchyard_report_user_sizes(text, jsonb)',
  'public.switchyard_home_loads()', 'public.switchyard_largest_users(text, integer)'
]::regprocedure[]) f;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
