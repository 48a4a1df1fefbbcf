-- plane: control
-- What the operator's commands ask: switching it on, marking everything (backfill), and comparing both sides (verify).

-- Off, writers make no marks, and what is marked goes.
create function public.switchyard_replication_switch(p_on boolean) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update switchyard.replication set is_on = p_on, switched_by = pg_current_xact_id() where is_on <> p_on;
  if not found then
    return false;
  end if;
  delete from switchyard.backfills;
  if not p_on then
    delete from switchyard.marks;
    delete from switchyard.replication_failures;
  end if;
  return true;
end
$$;

-- Begins to mark every row of a collection, or goes on where an earlier call has stopped: up to p_limit rows with each call,
-- in the order of their ids, and their tombstones at the end. Rows that are written meanwhile mark themselves.
-- {"marked", "total", "is_done", "waits"}: it waits for transactions that were open when marks were switched on, because they
-- may write rows without one.
create function public.switchyard_replication_backfill(p_collection text, p_limit integer default 5000, p_restart boolean default false)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_state switchyard.replication := (select r from switchyard.replication r);
  v_backfill switchyard.backfills;
  v_last uuid;
  v_count integer;
  v_graves integer := 0;
  v_total bigint;
begin
  if p_collection not in (select switchyard.replicated_collections()) then
    raise exception 'no collection "%" has a copy', p_collection using errcode = 'PT404';
  end if;
  if not v_state.is_on then
    raise exception 'replication is switched off' using errcode = 'invalid_parameter_value';
  end if;
  if p_restart then
    delete from switchyard.backfills where collection = p_collection;
  end if;
  insert into switchyard.backfills (collection) values (p_collection) on conflict do nothing;
  select * into v_backfill from switchyard.backfills where collection = p_collection for update;
  if v_backfill.done_at is null then
    if pg_snapshot_xmin(pg_current_snapshot()) <= v_state.switched_by then
      return jsonb_build_object('marked', v_backfill.marked, 'is_done', false, 'waits', true);
    end if;
    execute format(
      'with looked_at as (
         select t.id from public.%1$I t where $1 is null or t.id > $1 order by t.id limit $2
       ), marked as (
         insert into switchyard.marks (collection, row_id) select %1$L, id from looked_at order by id returning row_id
       )
       select count(*), max(row_id::text)::uuid from marked',
      p_collection
    ) into v_count, v_last using v_backfill.after, greatest(1, least(p_limit, 50000));
    if v_count = 0 then
      insert into switchyard.marks (collection, row_id)
      select t.collection, t.id from switchyard.tombstones t where t.collection = p_collection and t.seen is not null;
      get diagnostics v_graves = row_count;
    end if;
    update switchyard.backfills
    set after = coalesce(v_last, after), marked = marked + v_count + v_graves,
      done_at = case when v_count = 0 then clock_timestamp() end
    where collection = p_collection returning * into v_backfill;
  end if;
  execute format('select count(*) from public.%I', p_collection) into v_total;
  return jsonb_build_object('marked', v_backfill.marked, 'total', v_total, 'is_done', v_backfill.done_at is not null, 'waits', false);
end
$$;

-- Rows behind p_behind in the order of their ids: [{"id", "seen"}], and with p_columns what is in them.
create function public.switchyard_replication_scan(p_collection text, p_behind uuid, p_limit integer, p_columns text default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_rows jsonb;
begin
  execute format(
    'select jsonb_agg(jsonb_build_object(''id'', t.id, ''seen'', t.seen%2$s) order by t.id)
     from (select * from public.%1$I t where $1 is null or t.id > $1 order by t.id limit $2) t',
    p_collection,
    case when p_columns is null then '' else format(', ''row'', %s', public.records_json(p_collection, p_columns)) end
  ) into v_rows using p_behind, greatest(1, least(p_limit, 10000));
  return coalesce(v_rows, '[]');
end
$$;

-- The rows of those ids as they are now, as a worker reads them, and which of them are still to be copied.
create function public.switchyard_replication_read(p_collection text, p_ids uuid[], p_columns text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  return jsonb_build_object(
    'pending', (
      select coalesce(jsonb_agg(distinct w.id), '[]') from (
        select row_id as id from switchyard.marks where collection = p_collection and row_id = any (p_ids)
        union all
        select row_id from switchyard.replication_failures where collection = p_collection and row_id = any (p_ids) and not is_dead
      ) w
    ),
    'rows', switchyard.read_replicated(p_collection, p_ids, p_columns)
  );
end
$$;

-- Marks rows by their ids, for whoever has found that the copy lacks them. Answers how many.
create function public.switchyard_replication_mark(p_collection text, p_ids uuid[]) returns integer
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_count integer;
begin
  if p_collection not in (select switchyard.replicated_collections()) then
    raise exception 'no collection "%" has a copy', p_collection using errcode = 'PT404';
  end if;
  insert into switchyard.marks (collection, row_id) select p_collection, i from unnest(p_ids) i;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_replication_switch(boolean)', 'public.switchyard_replication_backfill(text, integer, boolean)',
  'public.switchyard_replication_scan(text, uuid, integer, text)',
  'public.switchyard_replication_read(text, uuid[], text)', 'public.switchyard_replication_mark(text, uuid[])'
]::regprocedure[]) f;
notify pgrst, 'reload schema';
