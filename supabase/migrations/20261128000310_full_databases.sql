-- plane: control
-- Which databases have room: how large each is, and whether it has refused to be written to. Without that, new users go on
-- landing in one that is full.

-- null: not known. full_at_percent leaves those who are at home there room to go on writing.
alter table switchyard.databases
  add column capacity_bytes bigint check (capacity_bytes > 0),
  add column full_at_percent numeric not null default 90 check (full_at_percent > 0 and full_at_percent <= 100);
comment on column switchyard.databases.capacity_bytes is 'what its provider gives; from full_at_percent of it on, new users do not get it';

-- Apart from the table above, whose rows every sign-up locks.
create table switchyard.database_state (
  name text primary key references switchyard.databases on delete cascade,
  -- of the last sample. One that was near the limit counts until there is another, however old it is: databases do not shrink
  -- by themselves. Whoever asks for a home has a new one taken.
  bytes bigint,
  sized_at timestamptz,
  -- what an instance was told by the database: forgotten after five minutes, and whoever is told so again says so again
  refuses text check (refuses in ('storage_full', 'throttled')),
  refused_at timestamptz
);
alter table switchyard.database_state enable row level security;
revoke all on switchyard.database_state from public;

-- The same columns as before: those that are full count like those that are down.
create or replace view switchyard.candidates as
select d.name, d.user_count / d.weight as load,
  not coalesce(h.healthy, true)
    or coalesce(s.bytes >= d.capacity_bytes * d.full_at_percent / 100, false)
    or coalesce(s.refused_at > clock_timestamp() - interval '5 minutes', false) as down
from switchyard.databases d
left join switchyard.database_health h on h.name = d.name and h.checked_at > clock_timestamp() - interval '1 minute'
left join switchyard.database_state s on s.name = d.name
where d.accepting and (d.capacity_users is null or d.user_count < d.capacity_users);

-- p_sizes: {"<name>": <bytes>}. Names that are not listed are dropped, and what could not be measured stays as it was.
create function public.switchyard_report_sizes(p_sizes jsonb) returns void
language sql security definer set search_path = '' as $$
  -- in name order: two reports at once wait for each other, and never both
  insert into switchyard.database_state as s (name, bytes, sized_at)
  select d.name, (p_sizes ->> d.name)::bigint, clock_timestamp() from switchyard.databases d
  where p_sizes ->> d.name is not null order by d.name
  on conflict (name) do update set bytes = excluded.bytes, sized_at = excluded.sized_at
$$;

-- A database has said that it takes no writes, or fewer. Said again within a minute, it changes nothing.
create function public.switchyard_report_refusal(p_name text, p_state text) returns void
language sql security definer set search_path = '' as $$
  insert into switchyard.database_state as s (name, refuses, refused_at)
  select d.name, p_state, clock_timestamp() from switchyard.databases d where d.name = p_name
  on conflict (name) do update set refuses = excluded.refuses, refused_at = excluded.refused_at
  where s.refused_at is null or s.refused_at < clock_timestamp() - interval '1 minute' or s.refuses <> excluded.refuses
$$;

-- As before; a report may say how large a database is, and this very one is measured here, once a minute.
create or replace function public.switchyard_report_healths(p_reports jsonb) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  -- some drivers encode JSON twice
  v_reports jsonb := case jsonb_typeof(p_reports) when 'string' then (p_reports #>> '{}')::jsonb else p_reports end;
  v_self text := (select name from switchyard.self);
  v_sizes jsonb;
begin
  -- in name order: two reports at once wait for each other, and never both
  insert into switchyard.database_health (name, healthy, error, checked_at)
  select d.name, coalesce(r.healthy, false),
    case when r.name is null then format('not configured where sign-ups are checked: set %s',
      case d.name when 'supabase' then 'SUPABASE_URL' when 'mongodb' then 'MONGODB_URI' else 'DATABASE_' || upper(d.name) end)
    else left(r.error, 500) end,
    clock_timestamp()
  from switchyard.databases d
  left join jsonb_to_recordset(v_reports) r (name text, healthy boolean, error text) on r.name = d.name
  order by d.name
  on conflict (name) do update
  set healthy = excluded.healthy, error = excluded.error, checked_at = excluded.checked_at;
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
  return public.switchyard_can_place();
end $$;

drop function public.switchyard_databases();
-- healthy is null when nobody has looked for a minute; refuses, when nobody was refused for five
create function public.switchyard_databases()
returns table (
  name text, kind text, site smallint, accepting boolean, weight numeric, capacity_users bigint, user_count bigint,
  opened_at timestamptz, healthy boolean, health_error text, health_checked_at timestamptz, capacity_bytes bigint,
  full_at_percent numeric, bytes bigint, sized_at timestamptz, refuses text
)
language sql stable security definer set search_path = '' as $$
  select d.name, d.kind, d.site, d.accepting, d.weight, d.capacity_users, d.user_count, d.opened_at,
    h.healthy, h.error, h.checked_at, d.capacity_bytes, d.full_at_percent, s.bytes, s.sized_at,
    case when s.refused_at > clock_timestamp() - interval '5 minutes' then s.refuses end
  from switchyard.databases d
  left join switchyard.database_health h on h.name = d.name and h.checked_at > clock_timestamp() - interval '1 minute'
  left join switchyard.database_state s on s.name = d.name
  order by d.name
$$;

drop function public.switchyard_set_database(text, boolean, numeric, bigint);
-- What is null stays as it is; a capacity of -1 takes the limit away.
create function public.switchyard_set_database(
  p_name text, p_accepting boolean default null, p_weight numeric default null, p_capacity_users bigint default null,
  p_capacity_bytes bigint default null, p_full_at_percent numeric default null
) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if p_weight <= 0 or p_weight >= 'Infinity' or p_capacity_users < -1 then
    raise exception 'The weight must be above 0, the capacity 0 or more (or -1: no limit).'
      using errcode = 'invalid_parameter_value';
  elsif p_capacity_bytes < -1 or p_capacity_bytes = 0 or p_full_at_percent <= 0 or p_full_at_percent > 100 then
    raise exception 'The capacity must be above 0 bytes (or -1: not known), and full at more than 0 and up to 100 percent of it.'
      using errcode = 'invalid_parameter_value';
  end if;
  update switchyard.databases set
    accepting = coalesce(p_accepting, accepting),
    weight = coalesce(p_weight, weight),
    capacity_users = case when p_capacity_users = -1 then null else coalesce(p_capacity_users, capacity_users) end,
    capacity_bytes = case when p_capacity_bytes = -1 then null else coalesce(p_capacity_bytes, capacity_bytes) end,
    full_at_percent = coalesce(p_full_at_percent, full_at_percent),
    opened_at = case when p_accepting then coalesce(opened_at, now()) else opened_at end
  where name = p_name;
  if not found then
    raise exception 'There is no database named "%".', p_name using errcode = 'invalid_parameter_value';
  end if;
end $$;

select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_report_sizes(jsonb)', 'public.switchyard_report_refusal(text, text)',
  'public.switchyard_report_healths(jsonb)', 'public.switchyard_databases()',
  'public.switchyard_set_database(text, boolean, numeric, bigint, bigint, numeric)'
]::regprocedure[]) f;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
