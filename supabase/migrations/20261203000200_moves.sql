-- plane: control
-- Users who move from one home to another, while they work.
--
--   announced  both homes are told; instances that keep a list of who is moving need some time to hear of it
--   copying    what differs is copied, again and again, until little is left; then, in one go: writes wait (the fence), the rest
--              is copied, the fence is sealed, both homes are compared. Whatever goes wrong there lifts the fence, and begins again
--   switched   the one point from which there is no way back: the assignment names the new home. Reached while the fence is sealed
--   kept       the new home is open, and the old one points there. Its copy is kept for a while
--   cleaned    the old copy is gone
--   aborting, aborted   given up before the switch; what was copied is taken away
--   superseded the user has moved on before the copy was cleaned: another move sees to it
--
-- Each move is a task (queue `move`) of the old home. Whoever has the task's lease does the next step; the number of its
-- claim goes into everything that it changes, also in the two homes, where a worker that was too slow is refused by it.

create table switchyard.moves (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  source text not null references switchyard.databases (name),
  target text not null references switchyard.databases (name),
  -- at the source; one more at the target
  epoch integer not null,
  state text not null default 'announced' check (
    state in ('announced', 'copying', 'switched', 'kept', 'cleaned', 'aborting', 'aborted', 'superseded')
  ),
  reason text not null,
  created_at timestamptz not null default clock_timestamp(),
  switched_at timestamptz,
  kept_until timestamptz,
  ended_at timestamptz,
  -- since when both homes know
  heard_since timestamptz,
  -- {passes, copied, paused_ms, collections: {name: {count, deleted, sha256, sums}}}
  detail jsonb not null default '{}',
  last_error text
);
create unique index moves_open on switchyard.moves (user_id) where state in ('announced', 'copying', 'switched', 'aborting');
create index moves_by_user on switchyard.moves (user_id, id);
create index moves_by_state on switchyard.moves (state, id);
alter table switchyard.moves enable row level security;

-- The task of a move, for whoever has its lease by the number of the claim; null for anybody else. It is locked until the
-- transaction ends. (By the user first, which has an index: of all moves there may be a hundred thousand.)
create function switchyard.leased_move_task(p_move bigint, p_attempts integer) returns bigint
language sql volatile set search_path = '' as $$
  select t.id from switchyard.tasks t
  where t.subject = (select m.user_id from switchyard.moves m where m.id = p_move) and t.queue = 'move'
    and (t.payload ->> 'move')::bigint = p_move and t.attempts = p_attempts and t.leased_until > clock_timestamp()
  for update
$$;

-- Begins moves of these users to that database: [{user_id, move}] of those that were begun, or {user_id, refused} with why not.
create function public.switchyard_start_moves(p_users uuid[], p_to text, p_reason text default 'requested') returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user uuid;
  v_home public.user_database_assignments;
  v_move bigint;
  v_begun jsonb := '[]';
  v_refused text;
begin
  if not exists (select from switchyard.databases where name = p_to) then
    raise exception 'There is no database named "%".', p_to using errcode = 'invalid_parameter_value',
      hint = 'See: switchyard databases list';
  end if;
  -- from now on it may hold records of theirs, which the purge of a deleted user has to look for
  update switchyard.databases set opened_at = clock_timestamp() where name = p_to and opened_at is null;
  foreach v_user in array p_users loop
    v_refused := null;
    -- no lock: what has changed by the time of the switch is found out there
    select * into v_home from public.user_database_assignments where user_id = v_user;
    if not found then
      v_refused := 'There is no such user, or they have no home.';
    elsif exists (select from switchyard.moves where user_id = v_user and state in ('announced', 'copying', 'switched', 'aborting')) then
      v_refused := 'The user is being moved already.';
    elsif v_home.database_provider = p_to then
      v_refused := 'The user is at home there already.';
    end if;
    if v_refused is not null then
      v_begun := v_begun || jsonb_build_object('user_id', v_user, 'refused', v_refused);
      continue;
    end if;
    insert into switchyard.moves (user_id, source, target, epoch, reason)
    values (v_user, v_home.database_provider, p_to, v_home.epoch, p_reason) returning id into v_move;
    insert into switchyard.tasks (queue, database, subject, payload)
    values ('move', v_home.database_provider, v_user, jsonb_build_object('move', v_move));
    v_begun := v_begun || jsonb_build_object('user_id', v_user, 'move', v_move);
  end loop;
  return v_begun;
end $$;

-- One move that is due, of those between these databases, for so many seconds; null: none is. With where the user is at home
-- now: null when they are deleted.
create function public.switchyard_claim_move(p_databases text[], p_lease_seconds integer default 30) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_task switchyard.tasks;
begin
  select t.* into v_task from switchyard.tasks t
  join switchyard.moves m on m.id = (t.payload ->> 'move')::bigint
  where t.queue = 'move' and t.database = any (p_databases) and m.target = any (p_databases) and switchyard.is_due(t)
  order by t.due_at, t.id limit 1 for update of t skip locked;
  if not found then
    return null;
  end if;
  update switchyard.tasks set attempts = attempts + 1,
    leased_until = clock_timestamp() + make_interval(secs => greatest(1, least(p_lease_seconds, 3600)))
  where id = v_task.id;
  return (
    select to_jsonb(m) || jsonb_build_object('attempts', v_task.attempts + 1, 'home', a.database_provider, 'home_epoch', a.epoch,
      'heard_ms', extract(epoch from clock_timestamp() - m.heard_since) * 1000,
      'switched_ms', extract(epoch from clock_timestamp() - m.switched_at) * 1000,
      'kept_ms', extract(epoch from m.kept_until - clock_timestamp()) * 1000)
    from switchyard.moves m left join public.user_database_assignments a on a.user_id = m.user_id
    where m.id = (v_task.payload ->> 'move')::bigint
  );
end $$;

-- Keeps the lease for longer. False: it is another's by now.
create function public.switchyard_keep_move(p_move bigint, p_attempts integer, p_lease_seconds integer default 30) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update switchyard.tasks set leased_until = clock_timestamp() + make_interval(secs => greatest(1, least(p_lease_seconds, 3600)))
  where id = switchyard.leased_move_task(p_move, p_attempts);
  return found;
end $$;

-- The step is done: the move is in that state, and the next one is due in so many seconds; null: there is none. False, and
-- nothing is changed: the lease is another's by now, or the move was given up meanwhile.
create function public.switchyard_step_move(
  p_move bigint, p_attempts integer, p_from text, p_to text, p_due_seconds numeric, p_detail jsonb default '{}', p_error text default null
) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_move switchyard.moves;
  v_task bigint;
begin
  select * into v_move from switchyard.moves where id = p_move for update;
  v_task := switchyard.leased_move_task(p_move, p_attempts);
  if v_task is null then
    return false;
  elsif v_move.state <> p_from then
    -- given up meanwhile: the lease is given back, for whoever sees to that
    update switchyard.tasks set leased_until = null, due_at = clock_timestamp() where id = v_task;
    return false;
  end if;
  update switchyard.moves set
    state = p_to, detail = detail || p_detail, last_error = left(p_error, 1000),
    heard_since = case when p_from = 'announced' then coalesce(heard_since, clock_timestamp()) else heard_since end,
    kept_until = case when p_to = 'kept' and p_from <> 'kept' then clock_timestamp() + interval '7 days' else kept_until end,
    ended_at = case when p_to in ('cleaned', 'aborted', 'superseded') then clock_timestamp() end
  where id = p_move;
  if p_from = 'switched' and p_to = 'kept' then
    update public.user_database_assignments set state = 'active', held_until = null
    where user_id = v_move.user_id and database_provider = v_move.target and epoch = v_move.epoch + 1;
  end if;
  update switchyard.tasks set leased_until = null, last_error = left(p_error, 500),
    due_at = clock_timestamp() + make_interval(secs => coalesce(p_due_seconds, 0)),
    done_at = case when p_due_seconds is null then clock_timestamp() end
  where id = v_task;
  return true;
end $$;

-- The user is at home in the new database, with the next epoch. All of it or nothing; "switched", or why not.
create function public.switchyard_switch_move(p_move bigint, p_attempts integer, p_turn bigint, p_detail jsonb default '{}') returns text
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_move switchyard.moves;
  v_home public.user_database_assignments;
  v_self text := (select name from switchyard.self);
begin
  perform switchyard.lock_databases();
  select * into v_move from switchyard.moves where id = p_move for update;
  if v_move.state <> 'copying' or switchyard.leased_move_task(p_move, p_attempts) is null then
    return 'another worker has this move, or it was given up';
  end if;
  perform pg_advisory_xact_lock(switchyard.fence_lock(), switchyard.fence_lock_of(v_move.user_id));
  select * into v_home from public.user_database_assignments where user_id = v_move.user_id for update;
  if not found then
    return 'the user was deleted';
  elsif v_home.database_provider <> v_move.source or v_home.epoch <> v_move.epoch then
    return 'the user''s home has changed';
  elsif v_move.source = v_self and not (v_home.state = 'moving' and v_home.held_until is null and v_home.turn = p_turn) then
    return 'the fence is not sealed';
  elsif exists (
    select from switchyard.databases d where d.name = v_move.target and d.user_count >= d.capacity_users
  ) then
    return 'the new home has no place: raise its capacity (switchyard databases set)';
  end if;
  update public.user_database_assignments
  set database_provider = v_move.target, epoch = v_move.epoch + 1, state = 'moving', held_until = null, reason = 'moved',
    assigned_at = clock_timestamp(), turn = p_turn
  where user_id = v_move.user_id;
  insert into switchyard.assignment_history (user_id, database_provider, epoch, event, reason) values
    (v_move.user_id, v_move.source, v_move.epoch, 'released', 'moved'),
    (v_move.user_id, v_move.target, v_move.epoch + 1, 'assigned', 'moved');
  update switchyard.moves set state = 'switched', switched_at = clock_timestamp(), detail = detail || p_detail, last_error = null
  where id = p_move;
  -- a copy that was kept here of an earlier stay is the home now, and not to be cleaned
  update switchyard.moves set state = 'superseded', ended_at = clock_timestamp()
  where user_id = v_move.user_id and state = 'kept';
  update switchyard.tasks t set done_at = clock_timestamp(), leased_until = null
  from switchyard.moves m
  where m.user_id = v_move.user_id and m.state = 'superseded' and t.queue = 'move' and t.done_at is null
    and t.subject = m.user_id and (t.payload ->> 'move')::bigint = m.id;
  raise log '%', jsonb_build_object('event', 'moved', 'user_id', v_move.user_id, 'home', v_move.target, 'epoch', v_move.epoch + 1);
  return 'switched';
end $$;

-- Gives moves up that have not switched: those of these users, or all. How many.
create function public.switchyard_abort_moves(p_users uuid[] default null) returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_count integer;
begin
  with given_up as (
    update switchyard.moves set state = 'aborting'
    where state in ('announced', 'copying') and (p_users is null or user_id = any (p_users))
    returning id, user_id
  )
  update switchyard.tasks t set due_at = clock_timestamp() from given_up g
  where t.queue = 'move' and t.subject = g.user_id and (t.payload ->> 'move')::bigint = g.id and t.done_at is null;
  get diagnostics v_count = row_count;
  return v_count;
end $$;

-- Kept copies of these users are to be cleaned now. How many.
create function public.switchyard_clean_moves(p_users uuid[] default null) returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_count integer;
begin
  with let_go as (
    update switchyard.moves set kept_until = clock_timestamp()
    where state = 'kept' and (p_users is null or user_id = any (p_users))
    returning id, user_id
  )
  update switchyard.tasks t set due_at = clock_timestamp() from let_go g
  where t.queue = 'move' and t.subject = g.user_id and (t.payload ->> 'move')::bigint = g.id and t.done_at is null;
  get diagnostics v_count = row_count;
  return v_count;
end $$;

-- Moves, newest first: of one user, or all; those that have not ended unless told. Behind that id.
create function public.switchyard_list_moves(
  p_user_id uuid default null, p_ended boolean default false, p_before bigint default null, p_limit integer default 100
) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(p) order by p.id desc), '[]') from (
    select m.id, m.user_id, m.source, m.target, m.epoch, m.state, m.reason, m.created_at, m.switched_at, m.kept_until,
      m.ended_at, m.detail, m.last_error
    from switchyard.moves m
    where (p_user_id is null or m.user_id = p_user_id) and (p_ended or m.ended_at is null) and (p_before is null or m.id < p_before)
    order by m.id desc limit greatest(1, least(p_limit, 1000))
  ) p
$$;

-- The users at home there who are not being moved, by id, behind that one.
create function public.switchyard_users_at(p_home text, p_after_id uuid default null, p_limit integer default 500) returns uuid[]
language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(u.user_id order by u.user_id), '{}') from (
    select a.user_id from public.user_database_assignments a
    where a.database_provider = p_home and (p_after_id is null or a.user_id > p_after_id)
      and not exists (
        select from switchyard.moves m
        where m.user_id = a.user_id and m.state in ('announced', 'copying', 'switched', 'aborting')
      )
    order by a.user_id limit greatest(1, least(p_limit, 1000))
  ) u
$$;

-- Living records in copies that are kept of users who have left, as both homes counted them at the switch: {database: {collection:
-- number}}. Whoever counts what a database holds takes them away.
create function public.switchyard_kept_copies() returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_object_agg(d.source, d.counts), '{}') from (
    select c.source, jsonb_object_agg(c.collection, c.records) as counts from (
      select m.source, k.key as collection, sum((k.value ->> 'count')::bigint) as records
      from switchyard.moves m cross join jsonb_each(m.detail -> 'collections') k
      where m.state in ('switched', 'kept')
      group by 1, 2
    ) c group by 1
  ) d
$$;

-- Where pg_cron is, the edge function `moves` is woken while steps are due: a move goes on whatever has become of whoever began
-- it. Elsewhere a loop calls the function.
create function switchyard.moves_tick() returns void
language plpgsql set search_path = '' as $$
begin
  if public.switchyard_due_databases('move') <> '{}' then
    perform switchyard.wake_function('moves');
  end if;
exception when others then
  raise warning 'switchyard: moves wait: %', sqlerrm;
end $$;
do $$
begin
  if to_regprocedure('cron.schedule(text, text, text)') is not null then
    perform cron.schedule('switchyard-moves', '5 seconds', 'select switchyard.moves_tick()');
  end if;
exception when others then
  raise notice 'pg_cron is not there: %', sqlerrm;
end $$;

select switchyard.seal_function('switchyard.moves_tick()'::regprocedure);
select switchyard.seal_function('switchyard.leased_move_task(bigint, integer)'::regprocedure);
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_start_moves(uuid[], text, text)', 'public.switchyard_claim_move(text[], integer)',
  'public.switchyard_keep_move(bigint, integer, integer)',
  'public.switchyard_step_move(bigint, integer, text, text, numeric, jsonb, text)',
  'public.switchyard_switch_move(bigint, integer, bigint, jsonb)', 'public.switchyard_abort_moves(uuid[])',
  'public.switchyard_clean_moves(uuid[])', 'public.switchyard_users_at(text, uuid, integer)',
  'public.switchyard_kept_copies()', 'public.switchyard_list_moves(uuid, boolean, bigint, integer)'
]::regprocedure[]) f;

notify pgrst, 'reload schema';
