-- plane: control
-- What the application's servers call, over REST with the secret key: executable by service_role and nobody else.
-- SQLSTATEs PTxxx are HTTP statuses to PostgREST; it passes them on, with the message, where others become a bare 500.

create function public.switchyard_assignment(p_user_id uuid)
returns table (user_id uuid, database_provider text, epoch integer, state text, reason text, assigned_at timestamptz)
language sql stable security definer set search_path = '' as $$
  select a.user_id, a.database_provider, a.epoch, a.state, a.reason, a.assigned_at
  from public.user_database_assignments a where a.user_id = p_user_id
$$;

-- Gives one user a home, unless they have one; p_to names it whatever it takes. Answers with the home they have.
create function public.switchyard_assign(p_user_id uuid, p_to text default null)
returns table (user_id uuid, database_provider text, epoch integer, state text, reason text, assigned_at timestamptz)
language plpgsql security definer set search_path = '' as $$
begin
  -- the user's row first: deletions lock in this order, too
  perform 1 from auth.users u where u.id = p_user_id and u.deleted_at is null for no key update;
  if not found then
    raise exception 'There is no user %.', p_user_id using errcode = 'PT404';
  end if;
  begin
    perform switchyard.assign(p_user_id, p_to);
  exception when raise_exception then
    raise exception '%', sqlerrm using errcode = 'PT503';
  end;
  return query select * from public.switchyard_assignment(p_user_id);
end $$;

-- Gives up to p_batch_size users from before Switchyard a home; 1,000 at the most, because sign-ups wait for the batch,
-- and each user of it takes longer than the one before. Users whose row somebody else holds (a sign-in, another run) are
-- left for the next batch.
create function public.switchyard_assign_missing(p_batch_size integer, p_to text default null) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid;
  v_users uuid[];
  v_assigned bigint := 0;
begin
  if p_to is not null and not exists (select from switchyard.databases where name = p_to) then
    raise exception 'There is no database named "%".', p_to using errcode = 'invalid_parameter_value';
  end if;
  select coalesce(array_agg(id), '{}') into v_users from (
    select u.id from auth.users u
    where u.deleted_at is null
      and not exists (select from public.user_database_assignments a where a.user_id = u.id)
    order by u.id
    limit greatest(1, least(p_batch_size, 1000))
    for no key update of u skip locked
  ) locked;
  if v_users <> '{}' then
    perform switchyard.lock_databases();
  end if;
  -- looked at again now that the databases are locked: another run may have been faster, and those do not count
  foreach v_user in array v_users loop
    continue when exists (select from public.user_database_assignments where user_id = v_user);
    begin
      perform switchyard.assign(v_user, p_to);
    exception when raise_exception then
      -- full: those who got a home keep it
      exit when v_assigned > 0;
      raise exception '%', sqlerrm using errcode = 'PT503';
    end;
    v_assigned := v_assigned + 1;
  end loop;
  return jsonb_build_object('assigned', v_assigned, 'remaining', (
    select count(*) from auth.users u
    where u.deleted_at is null
      and not exists (select from public.user_database_assignments a where a.user_id = u.id)
  ));
end $$;

-- healthy is null when nobody has looked for a minute
create function public.switchyard_databases()
returns table (
  name text, kind text, accepting boolean, weight numeric, capacity_users bigint, user_count bigint,
  opened_at timestamptz, healthy boolean, health_error text, health_checked_at timestamptz
)
language sql stable security definer set search_path = '' as $$
  select d.name, d.kind, d.accepting, d.weight, d.capacity_users, d.user_count, d.opened_at,
    h.healthy, h.error, h.checked_at
  from switchyard.databases d
  left join switchyard.database_health h on h.name = d.name and h.checked_at > clock_timestamp() - interval '1 minute'
  order by d.name
$$;

-- What is null stays as it is; a capacity of -1 takes the limit away.
create function public.switchyard_set_database(
  p_name text, p_accepting boolean default null, p_weight numeric default null, p_capacity_users bigint default null
) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if p_weight <= 0 or p_weight >= 'Infinity' or p_capacity_users < -1 then
    raise exception 'The weight must be above 0, the capacity 0 or more (or -1: no limit).'
      using errcode = 'invalid_parameter_value';
  end if;
  update switchyard.databases set
    accepting = coalesce(p_accepting, accepting),
    weight = coalesce(p_weight, weight),
    capacity_users = case when p_capacity_users = -1 then null else coalesce(p_capacity_users, capacity_users) end,
    opened_at = case when p_accepting then coalesce(opened_at, now()) else opened_at end
  where name = p_name;
  if not found then
    raise exception 'There is no database named "%".', p_name using errcode = 'invalid_parameter_value';
  end if;
end $$;

-- Lets a database take users if it never has; true when this call did it. One that was taken out of the choice stays out.
create function public.switchyard_open_database(p_name text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  update switchyard.databases set accepting = true, opened_at = now() where name = p_name and opened_at is null;
  return found;
end $$;

-- A report about a database that is not listed is dropped.
create function public.switchyard_report_health(p_name text, p_healthy boolean, p_error text default null) returns void
language sql security definer set search_path = '' as $$
  insert into switchyard.database_health (name, healthy, error, checked_at)
  select d.name, p_healthy, left(p_error, 500), clock_timestamp() from switchyard.databases d where d.name = p_name
  on conflict (name) do update
  set healthy = excluded.healthy, error = excluded.error, checked_at = excluded.checked_at
$$;

-- Would a sign-up find a home now?
create function public.switchyard_can_place() returns boolean
language sql volatile security definer set search_path = '' as $$
  select exists (select from switchyard.candidates where not down)
$$;

-- Users by home, and how many records each collection has in this database.
create function public.switchyard_stats() returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_name text;
  v_count bigint;
  v_collections jsonb := '{}';
begin
  for v_name in select name from switchyard.collections order by position loop
    continue when to_regclass(format('public.%I', v_name)) is null;
    execute format('select count(*) from public.%I', v_name) into v_count;
    v_collections := v_collections || jsonb_build_object(v_name, v_count);
  end loop;
  return (
    select jsonb_build_object(
      'user_distribution', coalesce(jsonb_object_agg(name, user_count), '{}'),
      'total_users', coalesce(sum(user_count), 0),
      'collections', v_collections)
    from switchyard.databases
  );
end $$;

select switchyard.seal_function(p.oid::regprocedure, '{service_role}')
from pg_catalog.pg_proc p
where p.pronamespace = 'public'::regnamespace and p.proname ^@ 'switchyard_';
