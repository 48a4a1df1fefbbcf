-- plane: control
-- What comes from MongoDB is put together with what is here, row by row.

-- Those that came back: their lags are from the write in MongoDB, by the clock that its version was made with.
alter table switchyard.replication_batches add column came_back boolean not null default false;

-- The columns of a table that are written, and not made from others.
create function switchyard.written_columns(p_collection text) returns text[]
language sql stable set search_path = '' as $$
  select array_agg(a.attname::text order by a.attnum) from pg_catalog.pg_attribute a
  where a.attrelid = format('public.%I', p_collection)::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
$$;

-- A row as it is here, locked: {"row", "seen", "version"} of one that lives, {"seen", "version", "owner", "create_hash",
-- "deleted_at"} of a tombstone, null of neither.
create function switchyard.lock_row(p_collection text, p_id uuid) returns jsonb
language plpgsql volatile set search_path = '' set timezone = 'UTC' as $$
declare
  v_row jsonb;
begin
  execute format('select to_jsonb(t) from public.%I t where t.id = $1 for update', p_collection) into v_row using p_id;
  if v_row is not null then
    return jsonb_build_object('seen', v_row -> 'seen', 'version', v_row -> 'version', 'row', (
      select jsonb_object_agg(c, v_row -> c) from unnest(switchyard.written_columns(p_collection)) c
    ));
  end if;
  return (
    select to_jsonb(t) from (
      select seen, version, user_id as owner, create_hash, deleted_at from switchyard.tombstones
      where collection = p_collection and id = p_id and seen is not null for update
    ) t
  );
end
$$;

-- Writes a version in place of p_here, as it is, and leaves a mark where the other database has not got it. False: there was
-- nothing here, and meanwhile there is.
create function switchyard.put_version(p_collection text, p_id uuid, p_here jsonb, p_version jsonb, p_is_there boolean) returns boolean
language plpgsql volatile set search_path = '' set timezone = 'UTC' as $$
declare
  v_columns text := (select string_agg(quote_ident(c), ', ') from unnest(switchyard.written_columns(p_collection)) c);
  v_row jsonb := (p_version -> 'row') || jsonb_build_object('seen', p_version -> 'seen', 'version', p_version -> 'version');
  v_owner text := (select owner_column from switchyard.collections where name = p_collection);
  -- records are counted where rows come and go
  v_changes_hands boolean := (p_here -> 'row' ->> v_owner) <> (v_row ->> v_owner);
  v_count integer;
begin
  if v_row is null or v_changes_hands then
    -- there may be one beside the row: it came while the insert was not to be seen yet
    delete from switchyard.tombstones where collection = p_collection and id = p_id and seen is not null;
    execute format('delete from public.%I where id = $1', p_collection) using p_id;
  end if;
  if v_row is null then
    -- that of the deletion just now, too
    delete from switchyard.tombstones where collection = p_collection and id = p_id and seen is not null;
    insert into switchyard.tombstones (collection, user_id, id, version, seen, create_hash, deleted_at, acknowledged)
    values (
      p_collection, (p_version ->> 'owner')::uuid, p_id, (p_version ->> 'version')::bigint, p_version -> 'seen',
      p_version ->> 'create_hash', (p_version ->> 'deleted_at')::timestamptz, p_is_there
    ) on conflict do nothing;
  elsif p_here ? 'row' and not v_changes_hands then
    delete from switchyard.tombstones where collection = p_collection and id = p_id and seen is not null;
    execute format(
      'update public.%1$I set (%2$s) = (select %2$s from jsonb_populate_record(null::public.%1$I, $1)) where id = $2',
      p_collection, v_columns
    ) using v_row, p_id;
  else
    execute format(
      'insert into public.%1$I (%2$s) select %2$s from jsonb_populate_record(null::public.%1$I, $1) on conflict (id) do nothing',
      p_collection, v_columns
    ) using v_row;
  end if;
  get diagnostics v_count = row_count;
  if v_count = 0 then
    return false;
  end if;
  if not p_is_there and (select is_on from switchyard.replication) then
    insert into switchyard.marks (collection, row_id) values (p_collection, p_id);
  end if;
  return true;
end
$$;

-- Of two versions that do not include each other: {"stays": "here" or "there", "is_conflict"}.
create function switchyard.weigh_versions(p_collection switchyard.collections, p_here jsonb, p_there jsonb) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
declare
  v_scope text := coalesce(p_collection.scope_column, p_collection.owner_column);
  v_is_later boolean := (p_there ->> 'version')::bigint > (p_here ->> 'version')::bigint;
  v_is_ones boolean := coalesce(p_here ->> 'owner', p_here -> 'row' ->> v_scope) = coalesce(p_there ->> 'owner', p_there -> 'row' ->> v_scope);
  v_row jsonb;
  v_takes boolean;
begin
  if not p_here ? 'row' and not p_there ? 'row' then
    return jsonb_build_object('stays', case when v_is_later then 'there' else 'here' end, 'is_conflict', false);
  elsif not (p_here ? 'row' and p_there ? 'row') then
    -- nobody deletes a record of somebody else's by its id
    v_takes := (p_there ? 'row') <> v_is_ones;
    return jsonb_build_object('stays', case when v_takes then 'there' else 'here' end, 'is_conflict', v_is_ones);
  end if;
  execute format('select to_jsonb(jsonb_populate_record(null::public.%I, $1))', p_collection.name) into v_row using p_there -> 'row';
  v_is_ones := v_is_ones and (v_row ->> p_collection.owner_column) = (p_here -> 'row' ->> p_collection.owner_column);
  if not v_is_ones then
    -- no client sets the time of creation: who makes an id that they have read somewhere is later
    v_is_later := ((v_row ->> 'created_at')::timestamptz, p_there ->> 'version') < ((p_here -> 'row' ->> 'created_at')::timestamptz, p_here ->> 'version');
  end if;
  return jsonb_build_object('stays', case when v_is_later then 'there' else 'here' end, 'is_conflict', exists (
    select from jsonb_each(p_here -> 'row') h
    where h.key not in ('seen', 'version', 'created_at', 'updated_at', 'create_hash') and v_row -> h.key is distinct from h.value
  ));
end
$$;

-- Is the room there that a row belongs to? Null: neither it nor anything that says that it was deleted. It stays until the row
-- is stored: who deletes it then finds the row, and deletes it, too.
create function switchyard.has_room(p_collection switchyard.collections, p_row jsonb) returns boolean
language plpgsql volatile set search_path = '' as $$
declare
  v_room uuid := p_row ->> p_collection.room_column;
  v_found boolean;
begin
  if p_collection.room_table is null then
    return true;
  end if;
  execute format('select true from public.%I r where r.id = $1 for key share', p_collection.room_table) into v_found using v_room;
  return case
    when v_found then true
    when exists (select from switchyard.tombstones t where t.collection = p_collection.room_table and t.id = v_room) then false
  end;
end
$$;

-- A tombstone in place of a version that comes from the other database and cannot stay; it has seen both.
create function switchyard.grave_of(p_collection switchyard.collections, p_here jsonb, p_there jsonb) returns jsonb
language sql volatile set search_path = '' as $$
  select jsonb_build_object(
    'owner', p_there -> 'row' -> coalesce(p_collection.scope_column, p_collection.owner_column),
    'create_hash', p_there -> 'row' -> 'create_hash', 'deleted_at', clock_timestamp(), 'version', g.version,
    'seen', switchyard.merge_seen(coalesce(p_here -> 'seen', '{}'), p_there -> 'seen')
      || jsonb_build_object(switchyard.site()::text, g.version)
  )
  from (
    select switchyard.next_version(greatest((p_here ->> 'version')::bigint, (p_there ->> 'version')::bigint)) as version offset 0
  ) g
$$;

create function switchyard.record_conflict(p_collection switchyard.collections, p_id uuid, p_kept jsonb, p_other jsonb) returns void
language sql volatile set search_path = '' as $$
  insert into switchyard.conflicts (collection, row_id, owner, kept_owner, kept, other)
  values (
    p_collection.name, p_id, (p_other -> 'row' ->> p_collection.owner_column)::uuid,
    (p_kept -> 'row' ->> p_collection.owner_column)::uuid, p_kept, p_other
  )
$$;

-- Takes one version of a row that comes from the other database: {"is", "error"}.
--
-- stale    it includes nothing that is not here
-- applied  it includes all that is here, and takes its place exactly as it is
-- merged   neither includes the other. One of them stays, with all that both have seen and the larger version, and is marked, so
--          that the other database gets what was decided: a deletion beats a change; of two changes the later one stays; of an
--          id that two owners have made the earlier one. What does not stay is a conflict, unless it says the same. Merged, too,
--          is what arrives in a room that was deleted: it is deleted as well. And what refers to a record that was deleted here, or
--          has a unique value that another record has got: it is a conflict, and deleted, unless there is a version here that it
--          has not seen, which stays then. A deletion of what a record here refers to waits for that one's own deletion to
--          come; when it has in vain ("waits", how often), what it refers to stays, and the deletion is a conflict.
-- waiting  what it refers to is not here yet
-- refused  it is against a rule of this database; where that takes no writes also what would have to be merged
--
-- The lock is of the id, because there may be no row to lock. Who takes many has to go by their ids.
create function switchyard.take_row(p_collection text, p_item jsonb, p_dry_run boolean default false) returns jsonb
language plpgsql volatile set search_path = '' set timezone = 'UTC' as $$
declare
  v_collection switchyard.collections := (select c from switchyard.collections c where c.name = p_collection);
  v_id uuid := p_item ->> 'id';
  v_there jsonb := p_item - '{id,waits}'::text[];
  v_here jsonb;
  v_stays jsonb;
  v_weighed jsonb;
  v_has_room boolean;
  v_version bigint;
begin
  if v_there ? 'row' then
    v_there := v_there || jsonb_build_object('version', (v_there -> 'row' ->> 'version')::bigint);
  end if;
  perform pg_advisory_xact_lock(hashtextextended(p_collection || '/' || v_id, 0));
  loop
    v_here := switchyard.lock_row(p_collection, v_id);
    v_version := greatest((v_here ->> 'version')::bigint, (v_there ->> 'version')::bigint);
    v_has_room := not v_there ? 'row' or switchyard.has_room(v_collection, v_there -> 'row');
    if switchyard.includes(v_here -> 'seen', v_there -> 'seen') and v_here is not null then
      return '{"is": "stale"}';
    elsif v_has_room is null then
      return jsonb_build_object('is', 'refused', 'error', format(
        'what its %s names is not in %s, and nothing says that it was deleted', v_collection.room_column, v_collection.room_table));
    elsif v_has_room and (v_here is null or switchyard.includes(v_there -> 'seen', v_here -> 'seen')) then
      exit when p_dry_run or switchyard.put_version(p_collection, v_id, v_here, v_there, true);
      continue;
    elsif v_has_room and not switchyard.takes_both(v_collection) then
      return '{"is": "refused", "error": "changed on both sides"}';
    elsif p_dry_run then
      return '{"is": "merged"}';
    elsif not v_has_room then
      v_weighed := '{"stays": "there", "is_conflict": false}';
      v_stays := switchyard.grave_of(v_collection, v_here, v_there);
    else
      v_weighed := switchyard.weigh_versions(v_collection, v_here, v_there);
      v_stays := case when v_weighed ->> 'stays' = 'here' then v_here else v_there end;
    end if;
    v_stays := v_stays || jsonb_build_object(
      'version', greatest(v_version, (v_stays ->> 'version')::bigint), 'seen', switchyard.merge_seen(coalesce(v_here -> 'seen', '{}'), v_stays -> 'seen')
    );
    v_stays := v_stays || jsonb_build_object('seen', switchyard.merge_seen(v_stays -> 'seen', v_there -> 'seen'));
    continue when not switchyard.put_version(p_collection, v_id, v_here, v_stays, false);
    if (v_weighed ->> 'is_conflict')::boolean then
      perform switchyard.record_conflict(
        v_collection, v_id, case when v_weighed ->> 'stays' = 'here' then v_here else v_there end,
        case when v_weighed ->> 'stays' = 'here' then v_there else v_here end
      );
    end if;
    return '{"is": "merged"}';
  end loop;
  return '{"is": "applied"}';
exception
  when foreign_key_violation or unique_violation then
    if switchyard.takes_both(v_collection) and not p_dry_run and (
      case
        when v_there ? 'row' then sqlstate = '23505' or switchyard.has_deleted_parent(p_collection, v_there -> 'row')
        else (p_item -> 'waits')::integer >= 3
      end
    ) then
      -- the lock went with what was undone: another may have been here since
      perform pg_advisory_xact_lock(hashtextextended(p_collection || '/' || v_id, 0));
      v_here := switchyard.lock_row(p_collection, v_id);
      if v_here is not null and switchyard.includes(v_here -> 'seen', v_there -> 'seen') then
        return '{"is": "stale"}';
      end if;
      v_stays := switchyard.grave_of(v_collection, v_here, v_there);
      if v_here ? 'row' and (not v_there ? 'row' or not switchyard.includes(v_there -> 'seen', v_here -> 'seen')) then
        v_stays := v_here || jsonb_build_object('version', v_stays -> 'version', 'seen', v_stays -> 'seen');
      end if;
      if switchyard.put_version(p_collection, v_id, v_here, v_stays, false) then
        perform switchyard.record_conflict(v_collection, v_id, v_stays, v_there);
        return '{"is": "merged"}';
      end if;
    end if;
    return jsonb_build_object('is', case sqlstate when '23503' then 'waiting' else 'refused' end, 'error', sqlerrm);
  when integrity_constraint_violation or data_exception or program_limit_exceeded or raise_exception then
    return jsonb_build_object('is', 'refused', 'error', sqlerrm);
end
$$;

-- As before, by what `take_rows` does: {"applied", "stale", "refused": [{"id", "error"}]}; what had to be merged is among those
-- that were applied.
create or replace function public.switchyard_replication_apply(p_collection text, p_rows text, p_dry_run boolean default false)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  if p_collection not in (select switchyard.replicated_collections()) then
    raise exception 'no collection "%" has a copy', p_collection using errcode = 'PT404';
  end if;
  return (
    select jsonb_build_object(
      'applied', count(*) filter (where t.taken ->> 'is' in ('applied', 'merged')),
      'stale', count(*) filter (where t.taken ->> 'is' = 'stale'),
      'refused', coalesce(jsonb_agg(t.taken - 'is') filter (where t.taken ->> 'is' in ('refused', 'waiting')), '[]')
    )
    from jsonb_array_elements(switchyard.take_rows(p_collection, p_rows, p_dry_run)) t(taken)
  );
end
$$;

-- What was written in MongoDB: [{"id", "is", "error"}], as `take_row` says. With p_complete_up_to, everything that was written
-- there before is here by now, once these rows are; it never goes back.
create function public.switchyard_replication_merge(p_collection text, p_rows text, p_complete_up_to timestamptz default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_taken jsonb;
begin
  if not exists (select from switchyard.collections c where c.name = p_collection and switchyard.takes_both(c)) then
    raise exception 'no collection "%" is written in both databases', p_collection using errcode = 'PT404';
  end if;
  v_taken := switchyard.take_rows(p_collection, p_rows);
  insert into switchyard.replication_batches (came_back, rows, lags)
  select true, max(n.total), array_agg(n.lag order by n.lag) filter (where n.n % greatest(1, n.total / 100) = 0)
  from (
    select greatest(0, extract(epoch from clock_timestamp()) * 1000 - s.version / 1000)::double precision as lag,
      row_number() over (order by w.at) as n, count(*) over () as total
    from jsonb_array_elements(p_rows::jsonb) with ordinality w(item, at)
    join jsonb_array_elements(v_taken) t(taken) on t.taken ->> 'id' = w.item ->> 'id' and t.taken ->> 'is' in ('applied', 'merged')
    cross join lateral (select max(v.value::numeric) as version from jsonb_each_text(w.item -> 'seen') v) s
  ) n
  having count(*) > 0;
  if p_complete_up_to is not null and not jsonb_path_exists(v_taken, '$[*] ? (@.is == "refused" || @.is == "waiting")') then
    insert into switchyard.replication_received as r (collection, complete_up_to)
    -- of a clock that is ahead nothing is believed
    values (p_collection, least(p_complete_up_to, clock_timestamp()))
    on conflict (collection) do update set complete_up_to = excluded.complete_up_to
      where r.complete_up_to < excluded.complete_up_to;
  end if;
  return v_taken;
end
$$;

-- Until when somebody may read here in place of a primary elsewhere: who writes there meanwhile has it copied before it answers.
-- And until when somebody may write there: what came before then has to be brought here.
create table switchyard.replication_presence (
  is_the_only_row boolean primary key default true check (is_the_only_row),
  reads_until timestamptz not null,
  writes_until timestamptz not null
);
insert into switchyard.replication_presence (reads_until, writes_until) values ('epoch', 'epoch');
alter table switchyard.replication_presence enable row level security;

-- Until in so many milliseconds (a minute at most); null where that is known already, give or take a second. One that would end
-- later is from before the clock was set back.
create function switchyard.prolonged(p_until timestamptz, p_ms integer) returns timestamptz
language sql volatile set search_path = '' as $$
  select n.until from (select clock_timestamp() + make_interval(secs => least(p_ms, 60000) / 1000.0) as until) n
  where p_ms > 0 and p_until not between n.until - interval '1 second' and clock_timestamp() + interval '1 minute'
$$;

-- How collections stand that both databases take writes of, for whoever serves them: {"is_on", "pending", "oldest_pending_ms",
-- "complete_up_to", "is_read_here"}. Pending: something was written here that MongoDB does not have yet. complete_up_to: what was
-- written in MongoDB before is here; null: not known of all of them. So many milliseconds (a minute at most) the caller may read
-- here, and may write there.
create function public.switchyard_replication_fallback(p_reads_ms integer default 0, p_writes_ms integer default 0) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  -- a database that is read-only, be it because it is full, still answers
  if (p_reads_ms > 0 or p_writes_ms > 0) and not current_setting('transaction_read_only')::boolean then
    update switchyard.replication_presence p
    set reads_until = coalesce(switchyard.prolonged(p.reads_until, p_reads_ms), p.reads_until),
      writes_until = coalesce(switchyard.prolonged(p.writes_until, p_writes_ms), p.writes_until)
    where switchyard.prolonged(p.reads_until, p_reads_ms) is not null or switchyard.prolonged(p.writes_until, p_writes_ms) is not null;
  end if;
  return (
    with both_ways as (
      select name from switchyard.collections where takes_writes_behind
    ), oldest as materialized (
      -- no more is looked at, however much waits: behind so many there may be some, and so there are
      select m.collection, m.marked_at from switchyard.marks m order by m.seq limit 2000
    ), waiting as (
      select min(w.since) as since from (
        select min(o.marked_at) as since from oldest o where o.collection in (select name from both_ways)
        union all
        select case when count(*) = 2000 then clock_timestamp() end from oldest
        union all
        select min(f.failed_at) from switchyard.replication_failures f
        where not f.is_dead and f.collection in (select name from both_ways)
      ) w
    )
    select jsonb_build_object(
      'is_on', (select is_on from switchyard.replication),
      'pending', w.since is not null,
      'oldest_pending_ms', case when w.since is not null then greatest(0, extract(epoch from clock_timestamp() - w.since) * 1000) end,
      'complete_up_to', (
        select case when count(*) = count(r.complete_up_to) then min(r.complete_up_to) end
        from both_ways b left join switchyard.replication_received r on r.collection = b.name
      ),
      'is_read_here', (
        select p.reads_until between clock_timestamp() and clock_timestamp() + interval '1 minute'
        from switchyard.replication_presence p
      )
    )
    from waiting w
  );
end
$$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.prolonged(timestamptz, integer)', 'switchyard.written_columns(text)',
  'switchyard.lock_row(text, uuid)', 'switchyard.put_version(text, uuid, jsonb, jsonb, boolean)',
  'switchyard.weigh_versions(switchyard.collections, jsonb, jsonb)', 'switchyard.has_room(switchyard.collections, jsonb)',
  'switchyard.take_row(text, jsonb, boolean)', 'switchyard.grave_of(switchyard.collections, jsonb, jsonb)',
  'switchyard.record_conflict(switchyard.collections, uuid, jsonb, jsonb)'
]::regprocedure[]) f;
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_replication_apply(text, text, boolean)',
  'public.switchyard_replication_merge(text, text, timestamptz)', 'public.switchyard_replication_fallback(integer, integer)'
]::regprocedure[]) f;
notify pgrst, 'reload schema';
