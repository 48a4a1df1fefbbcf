-- plane: control
-- Most of what comes from MongoDB is new here, or newer than what is here: that is taken in two statements, and only the rest row
-- by row (1,200 rows a second alone; see `take_row`, which says what becomes of each).

-- Takes those that are applied as they are, and answers which. None where one of them is refused: who is, `take_row` finds out.
-- The ids are locked first, in their order, and then what is there of them, as `take_row` does.
create function switchyard.take_many(p_collection text, p_rows jsonb) returns uuid[]
language plpgsql volatile set search_path = '' set timezone = 'UTC' as $$
declare
  v_collection switchyard.collections := (select c from switchyard.collections c where c.name = p_collection);
  v_columns text[] := switchyard.written_columns(p_collection);
  v_ids uuid[] := array(select (w ->> 'id')::uuid from jsonb_array_elements(p_rows) w);
  v_rooms jsonb := '{}';
  v_here jsonb;
  v_graves jsonb;
  v_newer jsonb;
  v_new jsonb;
  v_taken uuid[];
  v_added uuid[];
begin
  perform pg_advisory_xact_lock(hashtextextended(p_collection || '/' || w.id, 0))
  from (select i.id from unnest(v_ids) i(id) order by i.id offset 0) w;
  if v_collection.room_table is not null then
    execute format(
      'select coalesce(jsonb_object_agg(r.id, true), ''{}'') from (
         select t.id from public.%I t
         where t.id = any (array(select (w -> ''row'' ->> %L)::uuid from jsonb_array_elements($1) w)) order by t.id for key share
       ) r',
      v_collection.room_table, v_collection.room_column
    ) into v_rooms using p_rows;
  end if;
  execute format(
    'select coalesce(jsonb_object_agg(r.id, jsonb_build_object(''seen'', r.seen, ''owner'', r.owner)), ''{}'') from (
       select t.id, t.seen, t.%I as owner from public.%I t where t.id = any ($1) order by t.id for update
     ) r',
    v_collection.owner_column, p_collection
  ) into v_here using v_ids;
  select coalesce(jsonb_object_agg(r.id, r.seen), '{}') into v_graves from (
    select t.id, t.seen from switchyard.tombstones t
    where t.collection = p_collection and t.id = any (v_ids) and t.seen is not null order by t.id for update
  ) r;
  with living as (
    select w ->> 'id' as id, w -> 'seen' as seen, (w -> 'row') || jsonb_build_object('seen', w -> 'seen') as row
    from jsonb_array_elements(p_rows) w
    where w ? 'row' and (v_collection.room_table is null or v_rooms ? (w -> 'row' ->> v_collection.room_column))
  )
  select
    coalesce(jsonb_agg(l.row) filter (
      where v_here ? l.id and not v_graves ? l.id
        and switchyard.includes(l.seen, v_here -> l.id -> 'seen') and not switchyard.includes(v_here -> l.id -> 'seen', l.seen)
        and v_here -> l.id ->> 'owner' = l.row ->> v_collection.owner_column
    ), '[]'),
    coalesce(jsonb_agg(l.row) filter (
      where not v_here ? l.id and (not v_graves ? l.id
        or switchyard.includes(l.seen, v_graves -> l.id) and not switchyard.includes(v_graves -> l.id, l.seen))
    ), '[]')
  into v_newer, v_new from living l;
  execute format(
    'with changed as (
       update public.%1$I t set %2$s from jsonb_populate_recordset(null::public.%1$I, $1) r where t.id = r.id returning t.id
     )
     select coalesce(array_agg(id), ''{}'') from changed',
    p_collection, (select string_agg(format('%1$I = r.%1$I', c), ', ') from unnest(v_columns) c)
  ) into v_taken using v_newer;
  execute format(
    'with added as (
       insert into public.%1$I (%2$s) select %2$s from jsonb_populate_recordset(null::public.%1$I, $1) on conflict (id) do nothing
       returning id
     )
     select coalesce(array_agg(id), ''{}'') from added',
    p_collection, (select string_agg(quote_ident(c), ', ') from unnest(v_columns) c)
  ) into v_added using v_new;
  return v_taken || v_added;
exception when integrity_constraint_violation or data_exception or program_limit_exceeded or raise_exception then
  return '{}';
end
$$;

-- All of them, and by their ids what `take_many` leaves: [{"id", "is", "error"}]. What was applied needs no mark: the other
-- database has it.
create function switchyard.take_rows(p_collection text, p_rows text, p_dry_run boolean default false) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  v_rows jsonb := p_rows;
  v_item jsonb;
  v_at_once uuid[] := '{}';
  v_taken jsonb := '[]';
begin
  perform set_config('switchyard.applying', (select secret from switchyard.apply_secret), true);
  if not p_dry_run and jsonb_array_length(v_rows) > 1 then
    v_at_once := switchyard.take_many(p_collection, v_rows);
    v_taken := coalesce((select jsonb_agg(jsonb_build_object('id', i, 'is', 'applied')) from unnest(v_at_once) i), '[]');
  end if;
  for v_item in
    select w from jsonb_array_elements(v_rows) w where (w ->> 'id')::uuid <> all (v_at_once) order by w ->> 'id'
  loop
    v_taken := v_taken || (jsonb_build_object('id', v_item -> 'id') || switchyard.take_row(p_collection, v_item, p_dry_run));
  end loop;
  perform set_config('switchyard.applying', '', true);
  if not p_dry_run then
    -- those that a worker has in hand it is about to settle, and nothing may wait for the other
    delete from switchyard.marks where seq = any (array(
      select m.seq from switchyard.marks m
      where m.collection = p_collection and m.row_id = any (array(
        select (t.taken ->> 'id')::uuid from jsonb_array_elements(v_taken) t(taken) where t.taken ->> 'is' = 'applied'
      ))
      for update skip locked
    ));
  end if;
  return v_taken;
end
$$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.take_many(text, jsonb)', 'switchyard.take_rows(text, text, boolean)'
]::regprocedure[]) f;
