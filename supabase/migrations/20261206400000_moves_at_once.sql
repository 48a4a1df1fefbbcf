-- plane: control
-- Moves beside everything else that the operator and the users do at the same time: two who begin moves of the same users, a user
-- who is deleted at the switch, a home that is full, and one that is taken off the list when everybody has left it.

-- As before (see *_moves.sql), but of two who begin a move of one user at the same time, the later is told so, and the moves that
-- they begin of others are begun: before, the later call was refused as a whole. (One user after the other in the order of their
-- ids, so that neither waits for the other; and by one statement each, so that home and moves are those of one moment.)
create or replace function public.switchyard_start_moves(p_users uuid[], p_to text, p_reason text default 'requested') returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_user uuid;
  v_move switchyard.moves;
  v_made jsonb := '{}';
begin
  -- it stays on the list until these moves are on theirs
  perform from switchyard.databases where name = p_to for key share;
  if not found then
    raise exception 'There is no database named "%".', p_to using errcode = 'invalid_parameter_value',
      hint = 'See: switchyard databases list';
  end if;
  -- from now on it may hold records of theirs, which the purge of a deleted user has to look for
  update switchyard.databases set opened_at = clock_timestamp() where name = p_to and opened_at is null;
  for v_user in select distinct u from unnest(p_users) u order by 1 loop
    -- no lock: what has changed by the time of the switch is found out there
    insert into switchyard.moves (user_id, source, target, epoch, reason)
    select a.user_id, a.database_provider, p_to, a.epoch, p_reason
    from public.user_database_assignments a
    where a.user_id = v_user and a.database_provider <> p_to and not exists (
      select from switchyard.moves m where m.user_id = v_user and m.state in ('announced', 'copying', 'switched', 'aborting')
    )
    on conflict (user_id) where state in ('announced', 'copying', 'switched', 'aborting') do nothing
    returning * into v_move;
    if found then
      insert into switchyard.tasks (queue, database, subject, payload)
      values ('move', v_move.source, v_user, jsonb_build_object('move', v_move.id));
      v_made := v_made || jsonb_build_object(v_user, v_move.id);
    end if;
  end loop;
  return (
    select coalesce(jsonb_agg(case
      when u.nth = 1 and v_made ? u.id::text then jsonb_build_object('user_id', u.id, 'move', v_made -> u.id::text)
      else jsonb_build_object('user_id', u.id, 'refused', case
        when a.user_id is null then 'There is no such user, or they have no home.'
        when a.database_provider <> p_to or v_made ? u.id::text or exists (
          select from switchyard.moves m where m.user_id = u.id and m.state in ('announced', 'copying', 'switched', 'aborting')
        ) then 'The user is being moved already.'
        else 'The user is at home there already.'
      end)
    end order by u.place), '[]')
    from (
      select id, place, row_number() over (partition by id order by place) as nth
      from unnest(p_users) with ordinality given (id, place)
    ) u left join public.user_database_assignments a on a.user_id = u.id
  );
end $$;

-- As before (see *_kept_moves.sql), with whether the new home has a place: where it has none, nobody's writes wait for a switch
-- that would be refused.
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
      'has_place', not exists (
        select from switchyard.databases d where d.name = m.target and d.user_count >= d.capacity_users
      ),
      'heard_ms', extract(epoch from clock_timestamp() - m.heard_since) * 1000,
      'switched_ms', extract(epoch from clock_timestamp() - m.switched_at) * 1000,
      'kept_ms', extract(epoch from m.kept_until - clock_timestamp()) * 1000)
    from switchyard.moves m left join public.user_database_assignments a on a.user_id = m.user_id
    where m.id = (v_task.payload ->> 'move')::bigint
  );
end $$;

-- As before (see *_kept_moves.sql), but the databases are locked last, as by everybody who changes their counts: a user's deletion
-- has the assignment first, and the databases when it commits, and one of the two would end in a deadlock.
create or replace function public.switchyard_switch_move(p_move bigint, p_attempts integer, p_turn bigint, p_detail jsonb default '{}') returns text
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_move switchyard.moves;
  v_home public.user_database_assignments;
  v_self text := (select name from switchyard.self);
begin
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
  end if;
  perform switchyard.lock_databases();
  if exists (
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

-- What is known of moves and imports stays when a database goes that they led to or from: then it is a name.
alter table switchyard.moves drop constraint moves_source_fkey, drop constraint moves_target_fkey;
alter table switchyard.imports drop constraint imports_home_fkey;

-- As the constraint did: it stays on the list until this import is on theirs, and whoever removes it sees that.
create function switchyard.hold_home_of_import() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform from switchyard.databases where name = new.home for key share;
  if not found then
    raise exception 'There is no database named "%".', new.home using errcode = 'invalid_parameter_value';
  end if;
  return new;
end $$;
select switchyard.seal_function('switchyard.hold_home_of_import()'::regprocedure);
create trigger hold_home_of_import before insert on switchyard.imports
  for each row execute function switchyard.hold_home_of_import();

-- As before (see *_remove_database.sql), and not while moves lead there that have not ended: a copy that was kept of whoever has
-- moved on from there is looked after by whoever knows both homes. Nor while an import is under way that leads there.
create or replace function public.switchyard_remove_database(p_name text) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_users bigint;
  v_moves bigint;
  v_tasks bigint;
  v_run bigint;
begin
  if p_name = (select name from switchyard.self) then
    raise exception '"%" has the accounts and this very list: it cannot be removed. To keep new users out: switchyard databases set % --accepting=false.',
      p_name, p_name using errcode = 'invalid_parameter_value';
  end if;
  perform switchyard.lock_databases();
  if not exists (select from switchyard.databases where name = p_name) then
    raise exception 'There is no database named "%".', p_name using errcode = 'invalid_parameter_value';
  end if;
  select count(*) into v_users from public.user_database_assignments where database_provider = p_name;
  if v_users > 0 then
    raise exception 'Users are at home in "%": %. Their records are there, so it stays until the last of them has moved (switchyard homes move --all-from %) or deleted the account. To keep new users out meanwhile: switchyard databases drain %.',
      p_name, v_users, p_name, p_name using errcode = 'invalid_parameter_value';
  end if;
  select count(*) into v_moves from switchyard.moves where p_name in (source, target) and ended_at is null;
  if v_moves > 0 then
    raise exception 'Moves to or from "%" have not ended: %. Wait for them (switchyard homes moves status), or give them up (homes moves abort), and take the copies away that are kept (homes moves clean).',
      p_name, v_moves using errcode = 'invalid_parameter_value';
  end if;
  select min(id) into v_run from switchyard.imports where home = p_name and state in ('running', 'undoing');
  if v_run is not null then
    raise exception 'An import into "%" has not ended: run %. Go on with it by the same command, or take it back: switchyard import undo %.',
      p_name, v_run, v_run using errcode = 'invalid_parameter_value';
  end if;
  select count(*) into v_tasks from switchyard.tasks where database = p_name and done_at is null;
  if v_tasks > 0 then
    raise exception 'Tasks wait to be done in "%", for users who were deleted or have moved, and it still has their data: %. Wait until they are done, with the database within reach; the last are due when none of those users'' tokens lives any more.',
      p_name, v_tasks using errcode = 'invalid_parameter_value';
  end if;
  delete from switchyard.tasks where database = p_name;
  delete from switchyard.databases where name = p_name;
end $$;
