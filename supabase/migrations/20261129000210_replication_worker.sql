-- plane: control
-- What a worker asks: claim marks and read their rows; settle what became of them. Any number may work at once.

-- Is nobody at work on it? A lease that would end in more than an hour is from before the clock was set back.
create function switchyard.is_free(p_leased_until timestamptz) returns boolean
language sql volatile as $$
  select p_leased_until is null or p_leased_until not between clock_timestamp() and clock_timestamp() + interval '1 hour'
$$;

-- The rows of a collection as they are now: {"id", "row"} of those that live, the tombstone of those that were deleted, and
-- nothing of those of which neither is left. Numbers in a row are text, so that no digit is lost.
create function switchyard.read_replicated(p_collection text, p_ids uuid[], p_columns text) returns jsonb
language plpgsql volatile set search_path = '' set timezone = 'UTC' as $$
declare
  v_rows jsonb;
  v_graves jsonb;
begin
  execute format(
    'select jsonb_agg(jsonb_build_object(''collection'', %1$L, ''id'', t.id, ''seen'', t.seen, ''row'', %2$s))
     from public.%1$I t where t.id = any ($1)',
    p_collection, public.records_json(p_collection, p_columns)
  ) into v_rows using p_ids;
  select jsonb_agg(jsonb_build_object(
    'collection', p_collection, 'id', t.id, 'seen', t.seen, 'owner', t.user_id, 'version', t.version::text,
    'create_hash', t.create_hash, 'deleted_at', t.deleted_at
  )) into v_graves
  from switchyard.tombstones t where t.collection = p_collection and t.id = any (p_ids) and t.seen is not null;
  return coalesce(v_rows, '[]') || coalesce(v_graves, '[]');
end
$$;

-- Hands out up to p_limit marks behind p_behind, each to one worker at a time, and the rows as they are now: read after the
-- marks, so that whatever came before a mark is in its row. What a worker that dies had claimed is free when its lease ends.
--
-- p_columns   for each collection that the caller knows, the columns of its rows as a JSON array; others are left alone
-- p_newest    the newest mark that the copy has got, as far as the caller knows; one that was never handed out means that
--             this database has been set back (SY412)
--
-- {"marks": [{"seq", "collection", "id"}], "retries": [{"collection", "id", "attempts"}], "rows": [...], "claimed_up_to",
-- "complete_up_to"}: the last is null where marks are left, or rows that the copy has refused; else what was committed before
-- that instant is in the copy once these rows are. Transactions that are open now may have begun long ago.
create function public.switchyard_replication_claim(
  p_columns jsonb, p_limit integer, p_lease_seconds integer, p_newest bigint default 0, p_behind bigint default 0
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_lease interval := make_interval(secs => greatest(1, least(p_lease_seconds, 1800)));
  v_claimed bigint := coalesce((select max(up_to) from switchyard.replication_claims), 0);
  v_marks jsonb;
  v_retries jsonb;
  v_rows jsonb := '[]';
  v_collection text;
  v_ids uuid[];
  v_newest bigint;
  v_at timestamptz := clock_timestamp();
begin
  select least(v_at, min(a.xact_start)) into v_at from pg_catalog.pg_stat_activity a
  where a.backend_xid is not null and a.pid <> pg_backend_pid() and a.datname = current_database();
  if v_claimed < p_newest then
    raise exception 'This database has been set back, as by restoring a backup: the copy has got changes up to mark %, and after % none has been handed out here. Nothing is copied until you have decided: see what differs (switchyard replication verify), then begin anew (switchyard replication backfill --restart).', p_newest, v_claimed
      using errcode = 'SY412';
  end if;
  with due as (
    select m.seq from switchyard.marks m
    where m.seq > p_behind and switchyard.is_free(m.leased_until) and p_columns ? m.collection
    order by m.seq
    limit greatest(1, least(p_limit, 10000))
    for update skip locked
  ), claimed as (
    update switchyard.marks m set leased_until = clock_timestamp() + v_lease from due where m.seq = due.seq
    returning m.seq, m.collection, m.row_id
  )
  select jsonb_agg(jsonb_build_object('seq', c.seq, 'collection', c.collection, 'id', c.row_id) order by c.seq), max(c.seq)
  into v_marks, v_newest from claimed c;
  with due as (
    select f.collection, f.row_id from switchyard.replication_failures f
    where not f.is_dead and f.due_at <= clock_timestamp() and p_columns ? f.collection
    order by f.due_at limit 100
    for update skip locked
  ), claimed as (
    update switchyard.replication_failures f set due_at = clock_timestamp() + v_lease
    from due where f.collection = due.collection and f.row_id = due.row_id
    returning f.collection, f.row_id, f.attempts
  )
  select jsonb_agg(jsonb_build_object('collection', c.collection, 'id', c.row_id, 'attempts', c.attempts))
  into v_retries from claimed c;
  if v_newest > v_claimed then
    insert into switchyard.replication_claims values (v_newest) on conflict do nothing;
  end if;
  for v_collection, v_ids in
    select w.collection, array_agg(distinct w.id)
    from jsonb_to_recordset(coalesce(v_marks, '[]') || coalesce(v_retries, '[]')) w(collection text, id uuid)
    group by w.collection
  loop
    v_rows := v_rows || switchyard.read_replicated(v_collection, v_ids, p_columns -> v_collection #>> '{}');
  end loop;
  return jsonb_build_object(
    'marks', coalesce(v_marks, '[]'), 'retries', coalesce(v_retries, '[]'), 'rows', v_rows,
    'claimed_up_to', greatest(v_claimed, v_newest),
    'complete_up_to', case when not exists (
        select from switchyard.marks m where p_columns ? m.collection and not m.seq = any (
          select (w.mark ->> 'seq')::bigint from jsonb_array_elements(coalesce(v_marks, '[]')) w(mark)
        )
      ) and not exists (
        select from switchyard.replication_failures f where not f.is_dead and p_columns ? f.collection
      ) then v_at end
  );
end
$$;

-- What became of what was claimed.
--
-- p_seqs      marks that are done with: the copy has their rows, or a failure is kept of them
-- p_failed    [{"collection", "id", "error"}]: refused by the copy; after p_attempts tries they are dead
-- p_done      [{"collection", "id"}] of those that had failed before, and have not now
-- p_buried    [{"collection", "id", "version"}]: tombstones that the copy has
create function public.switchyard_replication_settle(
  p_seqs bigint[], p_failed jsonb default '[]', p_done jsonb default '[]', p_buried jsonb default '[]',
  p_attempts integer default 8
) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_lags double precision[];
  v_count integer;
begin
  insert into switchyard.replication_failures as f (collection, row_id, error, due_at, is_dead)
  select w.collection, w.id, left(w.error, 500), clock_timestamp() + interval '1 second', p_attempts <= 1
  from jsonb_to_recordset(p_failed) w(collection text, id uuid, error text)
  on conflict (collection, row_id) do update
    set attempts = f.attempts + 1, error = excluded.error, failed_at = clock_timestamp(),
      due_at = clock_timestamp() + make_interval(secs => least(3600, 2 ^ least(f.attempts, 12))),
      is_dead = f.attempts + 1 >= p_attempts;
  delete from switchyard.replication_failures f using jsonb_to_recordset(p_done) w(collection text, id uuid)
  where f.collection = w.collection and f.row_id = w.id;
  update switchyard.tombstones t set acknowledged = true
  from jsonb_to_recordset(p_buried) w(collection text, id uuid, version bigint)
  where t.collection = w.collection and t.id = w.id and t.version = w.version and t.seen is not null;
  with done as (
    delete from switchyard.marks where seq = any (p_seqs)
    returning seq, extract(epoch from clock_timestamp() - marked_at) * 1000 as lag
  ), numbered as (
    select lag, row_number() over (order by seq) as n, count(*) over () as total from done
  )
  select array_agg(lag order by n) filter (where n % greatest(1, total / 100) = 0), max(total)
  into v_lags, v_count from numbered;
  if v_count > 0 then
    insert into switchyard.replication_batches (rows, lags) values (v_count, coalesce(v_lags, '{}'));
  end if;
end
$$;

-- The copy cannot be reached: others may try.
create function public.switchyard_replication_release(p_seqs bigint[]) returns void
language sql volatile security definer set search_path = '' as $$
  update switchyard.marks set leased_until = null where seq = any (p_seqs)
$$;

-- Of several marks of one row the newest is enough: it is read as it is when it is copied. Looks at up to p_limit marks behind
-- p_behind and answers the last one that it has looked at, null at the end, and how many have gone.
create function public.switchyard_replication_compact(p_behind bigint, p_limit integer default 20000) returns jsonb
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
  select jsonb_build_object('after', (select max(seq) from looked_at), 'removed', (select count(*) from gone))
$$;

-- How it stands. Pending marks are counted up to 100,000. Milliseconds.
create function public.switchyard_replication_status() returns jsonb
language sql volatile security definer set search_path = '' as $$
  with pending as (
    select m.collection, m.seq, m.marked_at from switchyard.marks m order by m.seq limit 100000
  ), lags as (
    select unnest(b.lags) as lag from switchyard.replication_batches b
    where b.copied_at > clock_timestamp() - interval '10 minutes'
  )
  select jsonb_build_object(
    'is_on', r.is_on,
    'pending', (select count(*) from pending),
    'oldest_ms', (select extract(epoch from clock_timestamp() - min(marked_at)) * 1000 from pending),
    'lag_p50_ms', (select percentile_cont(0.5) within group (order by lag) from lags),
    'lag_p99_ms', (select percentile_cont(0.99) within group (order by lag) from lags),
    'failing', (select count(*) from switchyard.replication_failures where not is_dead),
    'dead', (select count(*) from switchyard.replication_failures where is_dead),
    'collections', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'collection', c.name,
        'pending', (select count(*) from pending p where p.collection = c.name),
        'failing', (select count(*) from switchyard.replication_failures f where f.collection = c.name and not f.is_dead),
        'dead', (select count(*) from switchyard.replication_failures f where f.collection = c.name and f.is_dead),
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

-- Rows that were set aside, the latest first.
create function public.switchyard_replication_dead(p_limit integer default 100) returns jsonb
language sql volatile security definer set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(d)), '[]') from (
    select collection, row_id as id, attempts, error, failed_at from switchyard.replication_failures
    where is_dead order by failed_at desc limit greatest(1, least(p_limit, 1000))
  ) d
$$;

-- Rows that failed are marked anew. Answers how many.
create function public.switchyard_replication_retry() returns integer
language sql volatile security definer set search_path = '' as $$
  with failed as (
    delete from switchyard.replication_failures returning collection, row_id
  ), marked as (
    insert into switchyard.marks (collection, row_id) select collection, row_id from failed returning 1
  )
  select count(*)::integer from marked
$$;

-- Forgets batches of more than an hour ago, and all claims but the newest.
create function public.switchyard_replication_trim() returns void
language sql volatile security definer set search_path = '' as $$
  delete from switchyard.replication_claims where up_to < (select max(up_to) from switchyard.replication_claims);
  delete from switchyard.replication_batches where copied_at < clock_timestamp() - interval '1 hour';
$$;

select switchyard.seal_function('switchyard.is_free(timestamptz)'::regprocedure);
select switchyard.seal_function('switchyard.read_replicated(text, uuid[], text)'::regprocedure);
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_replication_claim(jsonb, integer, integer, bigint, bigint)',
  'public.switchyard_replication_settle(bigint[], jsonb, jsonb, jsonb, integer)',
  'public.switchyard_replication_release(bigint[])', 'public.switchyard_replication_compact(bigint, integer)',
  'public.switchyard_replication_status()', 'public.switchyard_replication_dead(integer)',
  'public.switchyard_replication_retry()', 'public.switchyard_replication_trim()'
]::regprocedure[]) f;
