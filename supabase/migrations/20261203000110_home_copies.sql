-- What whoever moves a user does in a Postgres: the fence, and the records as they are, with versions, times, the hashes of the
-- requests that made them, and tombstones. All by the service alone; records are written only where the user is not at home.

-- Sets the fence: where the user is at home, how often that has changed, and whether writes wait ("moving"; for p_for_ms
-- milliseconds, or until it is set again). "set"; "busy": writers were under way for all of p_wait_ms; "passed": the fence is
-- of a later turn or move, or the control plane says something else. In the control plane the assignment itself is the fence, whose
-- home changes by the switch only. What is said of a home that is to come is taken back by saying what was before.
create function public.switchyard_set_fence(
  p_user_id uuid, p_home text, p_epoch integer, p_state text, p_turn bigint, p_for_ms integer default null,
  p_wait_ms integer default 100
) returns text
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_self record;
  v_until timestamptz;
  v_found boolean;
begin
  select name, is_control into v_self from switchyard.self;
  begin
    perform set_config('lock_timeout', greatest(1, least(p_wait_ms, 5000))::text, true);
    perform pg_advisory_xact_lock(switchyard.fence_lock(), 0);
    perform pg_advisory_xact_lock(switchyard.fence_lock(), switchyard.fence_lock_of(p_user_id));
    -- the pause begins when the lock is there
    v_until := clock_timestamp() + make_interval(secs => p_for_ms / 1000.0);
    if v_self.is_control then
      update public.user_database_assignments
      set state = p_state, held_until = v_until, turn = p_turn
      where user_id = p_user_id and database_provider = p_home and epoch = p_epoch and turn <= p_turn;
    else
      insert into public.user_database_assignments as a (user_id, database_provider, epoch, state, reason, held_until, turn)
      values (p_user_id, p_home, p_epoch, p_state, 'moved', v_until, p_turn)
      on conflict (user_id) do update
      set database_provider = excluded.database_provider, epoch = excluded.epoch, state = excluded.state,
        held_until = excluded.held_until, turn = excluded.turn, assigned_at = clock_timestamp()
      where a.turn <= excluded.turn and (
        a.epoch <= excluded.epoch
        or (a.epoch = excluded.epoch + 1 and a.state = 'moving' and a.database_provider = v_self.name)
      );
    end if;
    v_found := found;
    perform set_config('lock_timeout', '0', true);
  exception when lock_not_available then
    return 'busy';
  end;
  return case when v_found then 'set' else 'passed' end;
end $$;

-- Raises unless records of that user may be written here by whose turn it is to move them: elsewhere at home, or on their way
-- here. (A turn is the move's number and that of the claim of its task. Whoever claims it anew sets the fence, in the control
-- plane, too, where that only waits: so nothing of an earlier turn is under way after that.)
create function switchyard.refuse_at_home(p_user_id uuid, p_turn bigint) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_self record;
  v_fence public.user_database_assignments;
  v_is_ours boolean := true;
begin
  select name, is_control into v_self from switchyard.self;
  v_fence := switchyard.hold_fence(p_user_id);
  if v_self.is_control then
    execute 'select exists (select from switchyard.tasks where queue = ''move'' and subject = $1 and done_at is null
      and (payload ->> ''move'')::bigint = $2 / 1048576 and attempts = $2 % 1048576)' into v_is_ours using p_user_id, p_turn;
  else
    v_is_ours := v_fence.turn = p_turn;
  end if;
  if v_fence.user_id is null then
    raise exception 'No move of user % leads here; the user may have been deleted.', p_user_id using errcode = 'PT404';
  elsif v_fence.database_provider = v_self.name and (v_self.is_control or v_fence.state <> 'moving') then
    raise exception 'User % is at home here.', p_user_id using errcode = 'invalid_parameter_value';
  elsif not v_is_ours then
    raise exception 'Another worker moves user % by now.', p_user_id using errcode = 'invalid_parameter_value';
  end if;
end $$;

-- One page of what is here of a collection, by id: [[id, version, deleted]].
create function public.switchyard_home_manifest(
  p_user_id uuid, p_collection text, p_after_id uuid default null, p_limit integer default 5000
) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_page jsonb;
begin
  execute format(
    'select coalesce(jsonb_agg(jsonb_build_array(p.id, p.version::text, p.deleted) order by p.id), ''[]'') from (
       (select t.id, t.version, false as deleted from public.%I t
        where t.user_id = $1 and ($2 is null or t.id > $2) order by t.id limit $3)
       union all
       (select d.id, d.version, true from switchyard.tombstones d
        where d.user_id = $1 and d.collection = $4 and ($2 is null or d.id > $2) order by d.id limit $3)
       order by id limit $3
     ) p', switchyard.home_collection(p_collection)
  ) into v_page using p_user_id, p_after_id, greatest(1, least(p_limit, 10000)), p_collection;
  return v_page;
end $$;

-- The name of a collection whose records are at home; it goes into SQL.
create function switchyard.home_collection(p_collection text) returns text
language plpgsql stable set search_path = '' as $$
begin
  if not exists (select from switchyard.collections where name = p_collection and placement = 'home') then
    raise exception 'no collection "%" is kept at home', p_collection using errcode = 'PT404';
  end if;
  return p_collection;
end $$;

-- {"rows": [each with p_columns, numbers as text], "tombstones": [{id, version, create_hash, deleted_at}]} of those ids.
create function public.switchyard_home_rows(p_user_id uuid, p_collection text, p_ids uuid[], p_columns text) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_rows jsonb;
begin
  execute format(
    'select coalesce(jsonb_agg(%s), ''[]'') from public.%I t where t.user_id = $1 and t.id = any ($2)',
    public.records_json(p_collection, p_columns), switchyard.home_collection(p_collection)
  ) into v_rows using p_user_id, p_ids;
  return jsonb_build_object('rows', v_rows, 'tombstones', coalesce((
    select jsonb_agg(jsonb_build_object('id', d.id, 'version', d.version::text, 'create_hash', d.create_hash,
      'deleted_at', d.deleted_at))
    from switchyard.tombstones d
    where d.user_id = p_user_id and d.collection = p_collection and d.id = any (p_ids)
  ), '[]'));
end $$;

-- Puts rows and tombstones in the place of whatever is here under their ids, and takes away p_gone. In one transaction, with
-- references looked at only when all of it is there; nothing is left of it when it is refused. Rows are replaced and not
-- updated, so that two that exchange a value of a unique key are in nobody's way.
create function public.switchyard_home_write(
  p_user_id uuid, p_turn bigint, p_collection text, p_rows text, p_tombstones text default '[]', p_gone uuid[] default '{}'
) returns void
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_columns text;
  v_ids uuid[];
begin
  perform switchyard.refuse_at_home(p_user_id, p_turn);
  -- those that are given; the others are made by the database
  select string_agg(format('%I', k), ', ') into v_columns from jsonb_object_keys(p_rows::jsonb -> 0) k;
  select array_agg((w ->> 'id')::uuid) || p_gone into v_ids
  from (select jsonb_array_elements(p_rows::jsonb) w union all select jsonb_array_elements(p_tombstones::jsonb)) given;
  set constraints all deferred;
  perform set_config('switchyard.applying', (select secret from switchyard.apply_secret), true);
  execute format('delete from public.%I where user_id = $1 and id = any ($2)', switchyard.home_collection(p_collection)) using p_user_id, v_ids;
  delete from switchyard.tombstones where user_id = p_user_id and collection = p_collection and id = any (v_ids);
  if v_columns is not null then
    execute format(
    'insert into public.%1$I (%2$s) select %2$s from jsonb_populate_recordset(null::public.%1$I, $1) r where r.user_id = $2',
    p_collection, v_columns
    ) using p_rows::jsonb, p_user_id;
  end if;
  insert into switchyard.tombstones (collection, user_id, id, version, create_hash, deleted_at)
  select p_collection, p_user_id, d.id, d.version, d.create_hash, d.deleted_at
  from jsonb_to_recordset(p_tombstones::jsonb) d (id uuid, version bigint, create_hash text, deleted_at timestamptz);
  -- what refers to records of the same collection, or to those that came before
  set constraints all immediate;
  perform set_config('switchyard.applying', '', true);
end $$;

-- What the database itself counts: {"count", "deleted", "sums": {column: text}} of a collection; p_sums are columns of numbers.
create function public.switchyard_home_measure(p_user_id uuid, p_collection text, p_sums text[] default '{}') returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_found jsonb;
begin
  execute format('select jsonb_build_object(''count'', count(*), ''sums'', jsonb_build_object(%s)) from public.%I t where t.user_id = $1',
    coalesce((select string_agg(format('%L, coalesce(sum(t.%I), 0)::text', s, s), ', ') from unnest(p_sums) s), ''),
    switchyard.home_collection(p_collection)
  ) into v_found using p_user_id;
  return v_found || jsonb_build_object('deleted', (
    select count(*) from switchyard.tombstones d
    where d.user_id = p_user_id and d.collection = p_collection
  ));
end $$;

-- Deletes up to p_limit of the records that are here although the user is at home elsewhere, and says how many. No tombstones:
-- nobody has deleted them.
create function public.switchyard_home_clear(p_user_id uuid, p_turn bigint, p_limit integer default 1000) returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_deleted integer := 0;
  v_count integer;
  v_table record;
begin
  perform switchyard.refuse_at_home(p_user_id, p_turn);
  perform set_config('switchyard.applying', (select secret from switchyard.apply_secret), true);
  set constraints all deferred;
  for v_table in select name from switchyard.collections where placement = 'home' order by position desc loop
    exit when v_deleted >= p_limit;
    continue when to_regclass(format('public.%I', v_table.name)) is null;
    execute format('delete from public.%1$I where ctid = any (array(select ctid from public.%1$I where user_id = $1 limit $2))', v_table.name)
      using p_user_id, p_limit - v_deleted;
    get diagnostics v_count = row_count;
    v_deleted := v_deleted + v_count;
  end loop;
  set constraints all immediate;
  perform set_config('switchyard.applying', '', true);
  if v_deleted = 0 then
    delete from switchyard.tombstones where ctid = any (array(
      select t.ctid from switchyard.tombstones t join switchyard.collections c on c.name = t.collection and c.placement = 'home'
      where t.user_id = p_user_id limit p_limit));
    get diagnostics v_deleted = row_count;
  end if;
  return v_deleted;
end $$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.refuse_at_home(uuid, bigint)', 'switchyard.home_collection(text)'
]::regprocedure[]) f;
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_set_fence(uuid, text, integer, text, bigint, integer, integer)',
  'public.switchyard_home_manifest(uuid, text, uuid, integer)', 'public.switchyard_home_rows(uuid, text, uuid[], text)',
  'public.switchyard_home_write(uuid, bigint, text, text, text, uuid[])', 'public.switchyard_home_measure(uuid, text, text[])',
  'public.switchyard_home_clear(uuid, bigint, integer)'
]::regprocedure[]) f;

notify pgrst, 'reload schema';
