-- plane: control
-- What the operator sees of collections that both databases take writes of, and decides about.

-- The latest first, those that nobody has decided about, or all: [{"id", "collection", "row_id", "found_at", "state",
-- "kept_version", "other_version"}].
create function public.switchyard_replication_conflicts(p_limit integer default 100, p_all boolean default false) returns jsonb
language sql volatile security definer set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(c)), '[]') from (
    select id, collection, row_id, found_at, state, kept ->> 'version' as kept_version, other ->> 'version' as other_version
    from switchyard.conflicts where p_all or state = 'open'
    order by id desc limit greatest(1, least(p_limit, 1000))
  ) c
$$;

-- A version as people compare it: its values spelt as this database spells them, whichever it came from.
create function switchyard.spelt_version(p_collection text, p_version jsonb) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
declare
  v_row jsonb;
begin
  if not p_version ? 'row' then
    return p_version;
  end if;
  execute format('select to_jsonb(jsonb_populate_record(null::public.%I, $1))', p_collection) into v_row using p_version -> 'row';
  return p_version || jsonb_build_object('row', (
    select jsonb_object_agg(c, v_row -> c) from unnest(switchyard.written_columns(p_collection)) c where c not in ('seen', 'create_hash')
  ));
end
$$;

-- Of one: also "kept" and "other", the two versions as they were, and "present", what is here now; null: nothing, not even a
-- tombstone.
create function public.switchyard_replication_conflict(p_conflict bigint) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_found jsonb;
begin
  select jsonb_build_object(
    'id', c.id, 'collection', c.collection, 'row_id', c.row_id, 'found_at', c.found_at, 'state', c.state,
    'kept', switchyard.spelt_version(c.collection, c.kept), 'other', switchyard.spelt_version(c.collection, c.other),
    'present', switchyard.spelt_version(c.collection, switchyard.lock_row(c.collection, c.row_id))
  ) into v_found
  from switchyard.conflicts c where c.id = p_conflict;
  if v_found is null then
    raise exception 'There is no conflict %.', p_conflict using errcode = 'PT404';
  end if;
  return v_found;
end
$$;

-- 'kept': it was right. 'other': that version is written again, in place of what is here by now, with a version of its own: an
-- ETag of before must not fit it. {"state", "version"}: null where nothing was written.
create function public.switchyard_replication_choose(p_conflict bigint, p_choice text) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_conflict switchyard.conflicts;
  v_collection switchyard.collections;
  v_here jsonb;
  v_new jsonb;
  v_version bigint;
begin
  if p_choice not in ('kept', 'other') then
    raise exception 'Choose "kept" or "other".' using errcode = 'invalid_parameter_value';
  end if;
  select * into v_conflict from switchyard.conflicts where id = p_conflict for update;
  if not found then
    raise exception 'There is no conflict %.', p_conflict using errcode = 'PT404';
  elsif v_conflict.state <> 'open' then
    raise exception 'Conflict % was decided: %.', p_conflict, v_conflict.state using errcode = 'invalid_parameter_value';
  end if;
  if p_choice = 'other' then
    select * into v_collection from switchyard.collections where name = v_conflict.collection;
    if v_conflict.other ? 'row' and switchyard.has_room(v_collection, v_conflict.other -> 'row') is distinct from true then
      raise exception 'It belongs to what is not in % any more.', v_collection.room_table using errcode = 'invalid_parameter_value';
    end if;
    perform set_config('switchyard.applying', (select secret from switchyard.apply_secret), true);
    perform pg_advisory_xact_lock(hashtextextended(v_conflict.collection || '/' || v_conflict.row_id, 0));
    loop
      v_here := switchyard.lock_row(v_conflict.collection, v_conflict.row_id);
      v_version := switchyard.next_version(greatest(
        (v_here ->> 'version')::bigint, (v_conflict.other ->> 'version')::bigint, (v_conflict.kept ->> 'version')::bigint
      ));
      v_new := v_conflict.other || jsonb_build_object('version', v_version, 'seen', switchyard.merge_seen(
        switchyard.merge_seen(coalesce(v_here -> 'seen', '{}'), v_conflict.other -> 'seen'),
        jsonb_build_object(switchyard.site()::text, v_version)
      ));
      if v_new ? 'row' then
        v_new := jsonb_set(v_new, '{row,updated_at}', to_jsonb(clock_timestamp()));
      else
        v_new := v_new || jsonb_build_object('deleted_at', clock_timestamp());
      end if;
      exit when switchyard.put_version(v_conflict.collection, v_conflict.row_id, v_here, v_new, false);
    end loop;
    perform set_config('switchyard.applying', '', true);
  end if;
  update switchyard.conflicts set state = p_choice, decided_at = clock_timestamp() where id = p_conflict;
  return jsonb_build_object('state', p_choice, 'version', v_version);
exception when integrity_constraint_violation or program_limit_exceeded or raise_exception then
  raise exception 'That version cannot be written any more: %', sqlerrm using errcode = 'invalid_parameter_value';
end
$$;

-- As before, and the conflicts, how fast it goes, and up to when what MongoDB has taken is here.
create or replace function public.switchyard_replication_status() returns jsonb
language sql volatile security definer set search_path = '' as $$
  with pending as (
    select m.collection, m.seq, m.marked_at from switchyard.marks m order by m.seq limit 100000
  ), lags as (
    select b.came_back, unnest(b.lags) as lag from switchyard.replication_batches b
    where b.copied_at > clock_timestamp() - interval '10 minutes'
  )
  select jsonb_build_object(
    'is_on', r.is_on,
    'pending', (select count(*) from pending),
    'oldest_ms', (select extract(epoch from clock_timestamp() - min(marked_at)) * 1000 from pending),
    'lag_p50_ms', (select percentile_cont(0.5) within group (order by lag) from lags where not came_back),
    'lag_p99_ms', (select percentile_cont(0.99) within group (order by lag) from lags where not came_back),
    'back_lag_p50_ms', (select percentile_cont(0.5) within group (order by lag) from lags where came_back),
    'back_lag_p99_ms', (select percentile_cont(0.99) within group (order by lag) from lags where came_back),
    'copied_per_second', (
      select sum(b.rows) / greatest(1, extract(epoch from clock_timestamp() - min(b.copied_at))) from switchyard.replication_batches b
      where b.copied_at > clock_timestamp() - interval '1 minute' and not b.came_back
    ),
    'failing', (select count(*) from switchyard.replication_failures where not is_dead),
    'dead', (select count(*) from switchyard.replication_failures where is_dead),
    'conflicts', (select count(*) from switchyard.conflicts where state = 'open'),
    'collections', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'collection', c.name,
        'both_ways', c.takes_writes_behind,
        'pending', (select count(*) from pending p where p.collection = c.name),
        'failing', (select count(*) from switchyard.replication_failures f where f.collection = c.name and not f.is_dead),
        'dead', (select count(*) from switchyard.replication_failures f where f.collection = c.name and f.is_dead),
        'conflicts', (select count(*) from switchyard.conflicts o where o.collection = c.name and o.state = 'open'),
        'received_up_to', (select v.complete_up_to from switchyard.replication_received v where v.collection = c.name),
        'backfill', (
          select jsonb_build_object('marked', b.marked, 'started_at', b.started_at, 'done_at', b.done_at)
          from switchyard.backfills b where b.collection = c.name
        )
      ) order by c.position), '[]')
      from switchyard.collections c where c.placement = 'replicated'
    )
  )
  from switchyard.replication r
$$;

-- As before, and how many it has looked at: where few go, whoever calls it need not go on.
create or replace function public.switchyard_replication_compact(p_behind bigint, p_limit integer default 20000) returns jsonb
language sql volatile security definer set search_path = '' as $$
  with looked_at as (
    select m.seq, m.collection, m.row_id from switchyard.marks m
    where m.seq > p_behind and switchyard.is_free(m.leased_until)
    order by m.seq limit greatest(1, least(p_limit, 100000))
    for update skip locked
  ), last as (
    select collection, row_id, max(seq) as seq from looked_at group by collection, row_id
  ), gone as (
    delete from switchyard.marks m using looked_at s join last l using (collection, row_id)
    where m.seq = s.seq and s.seq < l.seq
    returning m.seq
  )
  select jsonb_build_object(
    'after', (select max(seq) from looked_at), 'looked_at', (select count(*) from looked_at), 'removed', (select count(*) from gone)
  )
$$;

-- What was written in MongoDB is brought by whoever the API wakes after the write. Should that fail, the function is woken from
-- here as long as something may be missing that was written before those who write there have said it: soon, and then less and
-- less often. Once more after every start of Postgres: while it was away nobody could say so.
alter table switchyard.replication add column woken_at timestamptz;

create function switchyard.is_back_awaited(p_now timestamptz default clock_timestamp()) returns boolean
language sql volatile set search_path = '' as $$
  select exists (select from switchyard.collections where takes_writes_behind) and (
    r.woken_at is null or r.woken_at < pg_catalog.pg_postmaster_start_time() or r.woken_at > p_now or (
      -- whoever copies believes its own clock no closer than a second
      w.since > interval '1 second'
      and r.woken_at < p_now - greatest(interval '10 seconds', w.since / 2)
      and exists (
        select from switchyard.collections c left join switchyard.replication_received v on v.collection = c.name
        where c.takes_writes_behind and (v.complete_up_to is null or v.complete_up_to < p.writes_until)
      )
    )
  )
  from switchyard.replication r, switchyard.replication_presence p,
    lateral (select p_now - p.writes_until as since) w
$$;

create or replace function switchyard.replication_tick() returns void
language plpgsql set search_path = '' as $$
declare
  v_is_on boolean := (select is_on from switchyard.replication);
  v_is_awaited boolean := v_is_on and switchyard.is_back_awaited();
begin
  if v_is_on and (v_is_awaited or public.switchyard_replication_pending()) then
    if v_is_awaited then
      update switchyard.replication set woken_at = clock_timestamp();
    end if;
    perform switchyard.wake_function('replicate');
  end if;
exception when others then
  raise warning 'switchyard: copies wait: %', sqlerrm;
end $$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.is_back_awaited(timestamptz)', 'switchyard.replication_tick()', 'switchyard.spelt_version(text, jsonb)'
]::regprocedure[]) f;
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_replication_conflicts(integer, boolean)', 'public.switchyard_replication_conflict(bigint)',
  'public.switchyard_replication_choose(bigint, text)', 'public.switchyard_replication_status()',
  'public.switchyard_replication_compact(bigint, integer)'
]::regprocedure[]) f;
notify pgrst, 'reload schema';
