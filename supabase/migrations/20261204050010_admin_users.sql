-- plane: control
-- Users as operators look for them. There is no index of Auth's that serves: its tables are Auth's own, and those that it has
-- are not made for a prefix. One look reads them all once, and keeps no more than the page.

-- Microseconds since 1970: exact, where a number of seconds is not, and no text whose form depends on a setting.
create function switchyard.micros(p_at timestamptz) returns bigint
language sql immutable set search_path = '' as $$
  select (extract(epoch from p_at) * 1000000)::bigint
$$;

-- One user, with their home.
create function switchyard.shown_user(p_user auth.users, p_home public.user_database_assignments) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'id', p_user.id, 'email', nullif(p_user.email::text, ''), 'created_at', p_user.created_at,
    'last_sign_in_at', p_user.last_sign_in_at, 'home', p_home.database_provider,
    'state', case when p_home.state = 'moving' and not switchyard.is_held(p_home.state, p_home.held_until) then 'active' else p_home.state end,
    'epoch', p_home.epoch, 'assigned_at', p_home.assigned_at
  )
$$;

-- Newest first, behind that user: [{"at", "user"}], `at` in microseconds. p_q: part of an address; those with an id from
-- p_first to p_last are found, too.
create function public.switchyard_admin_users(
  p_q text default null, p_first uuid default null, p_last uuid default null, p_home text default null,
  p_before_at bigint default null, p_before_id uuid default null, p_limit integer default 50
) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('at', p.at, 'user', p.shown) order by p.at desc, p.id desc), '[]') from (
    select u.id, switchyard.micros(coalesce(u.created_at, 'epoch')) as at, switchyard.shown_user(u, a) as shown
    from auth.users u left join public.user_database_assignments a on a.user_id = u.id
    where u.deleted_at is null and (p_home is null or a.database_provider = p_home)
      and (p_q is null or position(lower(p_q) in lower(u.email::text)) > 0 or u.id between p_first and p_last)
      and (p_before_at is null
        or (switchyard.micros(coalesce(u.created_at, 'epoch')), u.id) < (p_before_at, p_before_id))
    order by 2 desc, u.id desc limit greatest(1, least(p_limit, 1000))
  ) p
$$;

-- One user, with what they were; null: nobody knows of them. Deleted ones are known for as long as the history is kept.
create function public.switchyard_admin_user(p_user_id uuid) returns jsonb
language sql stable security definer set search_path = '' as $$
  select switchyard.shown_user(u, a) || jsonb_build_object(
    'id', p_user_id, 'deleted', u.id is null or u.deleted_at is not null, 'banned_until', u.banned_until, 'history', coalesce(h.history, '[]')
  )
  from (select p_user_id as id) asked
  left join auth.users u on u.id = asked.id
  left join public.user_database_assignments a on a.user_id = asked.id
  left join lateral (
    select jsonb_agg(to_jsonb(e) order by e.id desc) as history from (
      select id, database_provider as database, epoch, event, reason, at from switchyard.assignment_history
      where user_id = asked.id order by id desc limit 100
    ) e
  ) h on true
  where u.id is not null or h.history is not null
$$;

-- Who is at home where, who came last first, behind that user: [{"at", "assignment"}].
create function public.switchyard_admin_assignments(
  p_user_id uuid default null, p_home text default null, p_state text default null, p_before_at bigint default null,
  p_before_id uuid default null, p_limit integer default 50
) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('at', p.at, 'assignment', p.shown) order by p.at desc, p.user_id desc), '[]') from (
    select a.user_id, switchyard.micros(a.assigned_at) as at, jsonb_build_object(
      'user_id', a.user_id, 'database', a.database_provider, 'epoch', a.epoch, 'state', a.state, 'reason', a.reason,
      'assigned_at', a.assigned_at) as shown
    from public.user_database_assignments a
    where (p_user_id is null or a.user_id = p_user_id) and (p_home is null or a.database_provider = p_home)
      and (p_state is null or a.state = p_state)
      and (p_before_at is null or (switchyard.micros(a.assigned_at), a.user_id) < (p_before_at, p_before_id))
    order by 2 desc, a.user_id desc limit greatest(1, least(p_limit, 1000))
  ) p
$$;

-- Homes that a user got and left, the latest first, behind that line.
create function public.switchyard_admin_history(p_user_id uuid, p_before bigint default null, p_limit integer default 50) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(p) order by p.id desc), '[]') from (
    select id, database_provider as database, epoch, event, reason, at from switchyard.assignment_history
    where user_id = p_user_id and (p_before is null or id < p_before)
    order by id desc limit greatest(1, least(p_limit, 1000))
  ) p
$$;

-- What `start`, `abort` or `clean` would do with these users: [{"user_id", "refused"}], null where it would be done.
create function public.switchyard_preview_moves(p_does text, p_users uuid[], p_to text default null) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  if p_does not in ('start', 'abort', 'clean') then
    raise exception 'There is nothing called "%" to be done with moves.', p_does using errcode = 'invalid_parameter_value';
  elsif p_does = 'start' and not exists (select from switchyard.databases where name = p_to) then
    raise exception 'There is no database named "%".', p_to using errcode = 'invalid_parameter_value',
      hint = 'See: switchyard databases list';
  end if;
  return (
    select coalesce(jsonb_agg(jsonb_build_object('user_id', w.id, 'refused', case
      when p_does = 'start' and a.user_id is null then 'There is no such user, or they have no home.'
      when p_does = 'start' and m.is_open then 'The user is being moved already.'
      when p_does = 'start' and a.database_provider = p_to then 'The user is at home there already.'
      when p_does = 'abort' and not m.is_early then 'The user is in no move that has not switched.'
      when p_does = 'clean' and not m.is_kept then 'No copy of an earlier home is kept.'
    end) order by w.n), '[]')
    from unnest(p_users) with ordinality w (id, n)
    left join public.user_database_assignments a on a.user_id = w.id
    cross join lateral (
      select coalesce(bool_or(v.state in ('announced', 'copying', 'switched', 'aborting')), false) as is_open,
        coalesce(bool_or(v.state in ('announced', 'copying')), false) as is_early,
        coalesce(bool_or(v.state = 'kept'), false) as is_kept
      from switchyard.moves v where v.user_id = w.id
    ) m
  );
end $$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.micros(timestamptz)', 'switchyard.shown_user(auth.users, public.user_database_assignments)'
]::regprocedure[]) f;
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_admin_users(text, uuid, uuid, text, bigint, uuid, integer)', 'public.switchyard_admin_user(uuid)',
  'public.switchyard_admin_assignments(uuid, text, text, bigint, uuid, integer)',
  'public.switchyard_admin_history(uuid, bigint, integer)', 'public.switchyard_preview_moves(text, uuid[], text)'
]::regprocedure[]) f;

notify pgrst, 'reload schema';
