-- plane: control
-- The list of databases, as the application's servers and the operator's commands read and change it. A fault of the
-- caller's is 22023, with a sentence that says what to do.

drop function public.switchyard_databases();
-- healthy is null when nobody has looked for a minute
create function public.switchyard_databases()
returns table (
  name text, kind text, site smallint, accepting boolean, weight numeric, capacity_users bigint, user_count bigint,
  opened_at timestamptz, healthy boolean, health_error text, health_checked_at timestamptz
)
language sql stable security definer set search_path = '' as $$
  select d.name, d.kind, d.site, d.accepting, d.weight, d.capacity_users, d.user_count, d.opened_at,
    h.healthy, h.error, h.checked_at
  from switchyard.databases d
  left join switchyard.database_health h on h.name = d.name and h.checked_at > clock_timestamp() - interval '1 minute'
  order by d.name
$$;

-- Lists a database. It takes nobody until it is opened. The same again answers what is there.
create function public.switchyard_add_database(
  p_name text, p_kind text, p_site integer default null, p_weight numeric default null, p_capacity_users bigint default null
) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  v_there switchyard.databases;
  v_site integer := p_site;
  v_holder text;
begin
  if p_name is null or p_name !~ '^[a-z][a-z0-9_]{0,40}$' then
    raise exception 'A database''s name begins with a small letter and has at most 41 small letters, digits and _.'
      using errcode = 'invalid_parameter_value';
  end if;
  -- the variable that would lead to it says something else already (shared/placement/configured-databases.ts)
  if p_name ~ '^url(_|$)' then
    raise exception 'No database can be named "%": DATABASE_URL is the direct way to Supabase''s own Postgres, and platforms set DATABASE_URL_... beside it. Take another name.',
      p_name using errcode = 'invalid_parameter_value';
  elsif p_name = 'connect_ms' then
    raise exception 'No database can be named "%": DATABASE_CONNECT_MS says how long something may take. Take another name.',
      p_name using errcode = 'invalid_parameter_value';
  end if;
  if p_kind is null or p_kind not in ('postgres', 'mongodb') then
    raise exception 'A database is of the kind postgres or mongodb.' using errcode = 'invalid_parameter_value';
  end if;
  if p_weight <= 0 or p_weight >= 'Infinity' or p_capacity_users < 0 then
    raise exception 'The weight must be above 0, the capacity 0 or more.' using errcode = 'invalid_parameter_value';
  end if;
  -- two at once would find the same site free
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('switchyard.databases'));
  select * into v_there from switchyard.databases where name = p_name;
  if v_there.name is not null then
    if v_there.kind <> p_kind then
      raise exception 'There is a database named "%" already, and its kind is %. Take another name, or remove that one first.',
        p_name, v_there.kind using errcode = 'invalid_parameter_value';
    elsif v_there.site <> p_site then
      raise exception 'The database "%" has the site %, which its versions carry and which never changes. Leave the site out.',
        p_name, v_there.site using errcode = 'invalid_parameter_value';
    end if;
    return jsonb_build_object('name', p_name, 'kind', p_kind, 'site', v_there.site, 'added', false);
  end if;
  if p_site is null then
    select min(n) into v_site from generate_series(1, 7) n
    where not exists (select from switchyard.databases where site = n);
    if v_site is null then
      raise exception 'All seven sites are taken. Remove a database that nobody is at home in: switchyard databases remove <name>.'
        using errcode = 'invalid_parameter_value';
    end if;
  else
    select name into v_holder from switchyard.databases where site = p_site;
    if p_site not between 1 and 7 or v_holder is not null then
      raise exception 'The site must be 1 to 7 and free%. Leave it out to get the lowest free one.',
        coalesce(format(', and %s is that of "%s"', p_site, v_holder), '') using errcode = 'invalid_parameter_value';
    end if;
  end if;
  insert into switchyard.databases (name, kind, site, accepting, weight, capacity_users)
  values (p_name, p_kind, v_site, false, coalesce(p_weight, 1), p_capacity_users);
  return jsonb_build_object('name', p_name, 'kind', p_kind, 'site', v_site, 'added', true);
end $$;

-- All reports of one look at once: [{"name", "healthy", "error"}]. A database that nobody has looked at is one that nobody
-- there could reach: a user who is sent to it would be without their data. Answers whether a sign-up would find a home.
create function public.switchyard_report_healths(p_reports jsonb) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  -- in name order: two reports at once wait for each other, and never both
  insert into switchyard.database_health (name, healthy, error, checked_at)
  select d.name, coalesce(r.healthy, false),
    case when r.name is null then format('not configured where sign-ups are checked: set %s',
      case d.name when 'supabase' then 'SUPABASE_URL' when 'mongodb' then 'MONGODB_URI' else 'DATABASE_' || upper(d.name) end)
    else left(r.error, 500) end,
    clock_timestamp()
  from switchyard.databases d
  -- some drivers encode JSON twice
  left join jsonb_to_recordset(
    case jsonb_typeof(p_reports) when 'string' then (p_reports #>> '{}')::jsonb else p_reports end
  ) r (name text, healthy boolean, error text) on r.name = d.name
  order by d.name
  on conflict (name) do update
  set healthy = excluded.healthy, error = excluded.error, checked_at = excluded.checked_at;
  return public.switchyard_can_place();
end $$;

select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_databases()', 'public.switchyard_add_database(text, text, integer, numeric, bigint)',
  'public.switchyard_report_healths(jsonb)'
]::regprocedure[]) f;
