-- plane: control
-- Rows from the copy, exactly as they are there: with their versions, their times and the hashes of the requests that made
-- them. For restoring what this database has lost.

-- p_rows: [{"id", "seen", "row": {every column but those that the database makes}}], or, of a deleted one,
-- [{"id", "seen", "version", "owner", "create_hash", "deleted_at"}]. Each is taken where it includes everything that is here,
-- and something besides. Parents have to come before their children.
-- {"applied", "stale", "refused": [{"id", "error"}]}: stale is what is here in that version, or a newer one; refused, too, is
-- what was changed on both sides.
create function public.switchyard_replication_apply(p_collection text, p_rows text, p_dry_run boolean default false)
returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_columns text;
  v_owner text := (select owner_column from switchyard.collections where name = p_collection and placement = 'replicated');
  v_item jsonb;
  v_id uuid;
  v_here jsonb;
  v_ahead boolean;
  v_behind boolean;
  v_applied uuid[] := '{}';
  v_stale integer := 0;
  v_refused jsonb := '[]';
begin
  if v_owner is null then
    raise exception 'no collection "%" has a copy', p_collection using errcode = 'PT404';
  end if;
  select string_agg(format('%I', a.attname), ', ' order by a.attnum) into v_columns
  from pg_catalog.pg_attribute a
  where a.attrelid = format('public.%I', p_collection)::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = '';
  perform set_config('switchyard.applying', (select secret from switchyard.apply_secret), true);
  for v_item in select w from jsonb_array_elements(p_rows::jsonb) w loop
    v_id := v_item ->> 'id';
    begin
      execute format('select t.seen from public.%I t where t.id = $1 for update', p_collection) into v_here using v_id;
      if v_here is null then
        select t.seen into v_here from switchyard.tombstones t
        where t.collection = p_collection and t.id = v_id and t.seen is not null for update;
      end if;
      select coalesce(bool_or(theirs > ours), false), coalesce(bool_or(theirs < ours), false) into v_ahead, v_behind
      from (
        select coalesce((v_item -> 'seen' ->> k)::bigint, 0) as theirs, coalesce((v_here ->> k)::bigint, 0) as ours
        from (select jsonb_object_keys(v_item -> 'seen') as k union select jsonb_object_keys(coalesce(v_here, '{}'))) keys
      ) sites;
      if v_ahead and v_behind then
        v_refused := v_refused || jsonb_build_object('id', v_id, 'error', 'changed on both sides');
        continue;
      elsif not v_ahead then
        v_stale := v_stale + 1;
        continue;
      end if;
      if p_dry_run then
        null;
      elsif v_item ? 'row' then
        execute format(
          'insert into public.%1$I as t (%2$s) select %2$s from jsonb_populate_record(null::public.%1$I, $1)
           on conflict (id) do update set (%2$s) = (select %2$s from jsonb_populate_record(null::public.%1$I, $1))',
          p_collection, v_columns
        ) using (v_item -> 'row') || jsonb_build_object('seen', v_item -> 'seen');
      else
        execute format('delete from public.%I where id = $1', p_collection) using v_id;
        delete from switchyard.tombstones where collection = p_collection and id = v_id and seen is not null;
        insert into switchyard.tombstones (collection, user_id, id, version, seen, create_hash, deleted_at, acknowledged)
        values (
          p_collection, (v_item ->> 'owner')::uuid, v_id, (v_item ->> 'version')::bigint, v_item -> 'seen',
          v_item ->> 'create_hash', (v_item ->> 'deleted_at')::timestamptz, true
        );
      end if;
      v_applied := v_applied || v_id;
    exception when integrity_constraint_violation or data_exception then
      v_refused := v_refused || jsonb_build_object('id', v_id, 'error', sqlerrm);
    end;
  end loop;
  perform set_config('switchyard.applying', '', true);
  -- the copy has them: they come from there
  if not p_dry_run then
    delete from switchyard.marks where collection = p_collection and row_id = any (v_applied);
  end if;
  return jsonb_build_object('applied', cardinality(v_applied), 'stale', v_stale, 'refused', v_refused);
end
$$;
select switchyard.seal_function('public.switchyard_replication_apply(text, text, boolean)', '{service_role}');
notify pgrst, 'reload schema';
