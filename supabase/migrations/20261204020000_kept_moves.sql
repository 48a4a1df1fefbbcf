-- plane: control
-- Copies that are kept of users who move again. Each belongs to the move that left it: it is cleaned when its time has come,
-- wherever the user is at home by then, unless they are on the way back to it. Before, every later move ended the keeping of
-- all of them, and the copy in a third home stayed for ever.

-- The copies that are kept of this user in that home are no longer what those moves have left.
create function switchyard.supersede_moves(p_user_id uuid, p_home text) returns void
language plpgsql volatile set search_path = '' as $$
begin
  update switchyard.tasks t set done_at = clock_timestamp(), leased_until = null
  from switchyard.moves m
  where m.user_id = p_user_id and m.source = p_home and m.state = 'kept' and t.queue = 'move' and t.done_at is null
    and t.subject = m.user_id and (t.payload ->> 'move')::bigint = m.id;
  update switchyard.moves set state = 'superseded', ended_at = clock_timestamp()
  where user_id = p_user_id and source = p_home and state = 'kept';
end $$;
select switchyard.seal_function('switchyard.supersede_moves(uuid, text)'::regprocedure);

-- As before (see *_moves.sql), but a kept copy waits for the end of a later move.
create or replace function public.switchyard_claim_move(p_databases text[], p_lease_seconds integer default 30) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_task switchyard.tasks;
begin
  select t.* into v_task from switchyard.tasks t
  join switchyard.moves m on m.id = (t.payload ->> 'move')::bigint
  where t.queue = 'move' and t.database = any (p_databases) and m.target = any (p_databases) and switchyard.is_due(t)
    -- of whoever is being moved again, which may lead back to that copy
    and not (m.state = 'kept' and exists (
      select from switchyard.moves o where o.user_id = m.user_id and o.state in ('announced', 'copying', 'switched', 'aborting')
    ))
  -- those first whose user can write nowhere until it is done
  order by m.state not in ('aborting', 'switched'), t.due_at, t.id limit 1 for update of t skip locked;
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

-- As before, but a move that is given up has taken the copy of an earlier stay with it.
create or replace function public.switchyard_step_move(
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
  if p_to = 'aborted' then
    -- what was copied is gone, and with it what was kept there of an earlier stay
    perform switchyard.supersede_moves(v_move.user_id, v_move.target);
  end if;
  update switchyard.tasks set leased_until = null, last_error = left(p_error, 500),
    due_at = clock_timestamp() + make_interval(secs => coalesce(p_due_seconds, 0)),
    done_at = case when p_due_seconds is null then clock_timestamp() end
  where id = v_task;
  return true;
end $$;

-- As before, but only what was kept in the new home is superseded.
create or replace function public.switchyard_switch_move(p_move bigint, p_attempts integer, p_turn bigint, p_detail jsonb default '{}') returns text
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
  -- a copy that was kept there of an earlier stay is the home now, and not to be cleaned; those in other homes are
  perform switchyard.supersede_moves(v_move.user_id, v_move.target);
  raise log '%', jsonb_build_object('event', 'moved', 'user_id', v_move.user_id, 'home', v_move.target, 'epoch', v_move.epoch + 1);
  return 'switched';
end $$;
