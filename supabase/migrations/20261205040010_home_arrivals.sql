-- Records of users who are not there yet, exactly as an import has them; and what becomes of them when it is taken back. All by
-- the service alone. Every record that is brought has one version, which is the import's own for that user.

-- Puts rows where nothing is, and leaves alone what is there: whoever comes late, or twice, changes nothing of the user's. All
-- or nothing.
create function public.switchyard_home_bring(p_collection text, p_rows text) returns void
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_columns text;
begin
  select string_agg(format('%I', k), ', ') into v_columns from jsonb_object_keys(p_rows::jsonb -> 0) k;
  if v_columns is null then
    return;
  end if;
  set constraints all deferred;
  perform set_config('switchyard.applying', (select secret from switchyard.apply_secret), true);
  execute format(
    'insert into public.%1$I (%2$s) select %2$s from jsonb_populate_recordset(null::public.%1$I, $1) r
     where not exists (select from switchyard.tombstones t where t.user_id = r.user_id and t.collection = $2 and t.id = r.id)
     on conflict (user_id, id) do nothing',
    switchyard.home_collection(p_collection), v_columns
  ) using p_rows::jsonb, p_collection;
  set constraints all immediate;
  perform set_config('switchyard.applying', '', true);
exception when integrity_constraint_violation or data_exception then
  -- the user's own fault, as far as the import can tell, and no other user's
  raise exception '% does not take a record: %', p_collection, sqlerrm using errcode = 'invalid_parameter_value';
end $$;

-- {"rows": [each with p_columns, numbers as text], "deleted": [{user_id, id}]} of those, which are [{user_id, id}].
create function public.switchyard_home_owned_rows(p_collection text, p_keys text, p_columns text) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_rows jsonb;
begin
  execute format(
    'select coalesce(jsonb_agg(%s), ''[]'') from public.%I t
     join jsonb_to_recordset($1) k (user_id uuid, id uuid) on k.user_id = t.user_id and k.id = t.id',
    public.records_json(p_collection, p_columns), switchyard.home_collection(p_collection)
  ) into v_rows using p_keys::jsonb;
  return jsonb_build_object('rows', v_rows, 'deleted', coalesce((
    select jsonb_agg(jsonb_build_object('user_id', d.user_id, 'id', d.id))
    from switchyard.tombstones d
    join jsonb_to_recordset(p_keys::jsonb) k (user_id uuid, id uuid) on k.user_id = d.user_id and k.id = d.id
    where d.collection = p_collection
  ), '[]'));
end $$;

-- Takes away what was brought with that version or an earlier one, and leaves no tombstones: nobody has seen it.
create function public.switchyard_home_unbring(p_user_id uuid, p_version bigint) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_table record;
begin
  perform set_config('switchyard.applying', (select secret from switchyard.apply_secret), true);
  set constraints all deferred;
  for v_table in select name from switchyard.collections where placement = 'home' order by position desc loop
    continue when to_regclass(format('public.%I', v_table.name)) is null;
    execute format('delete from public.%I where user_id = $1 and version <= $2', v_table.name) using p_user_id, p_version;
  end loop;
  set constraints all immediate;
  perform set_config('switchyard.applying', '', true);
end $$;

-- Deletes those that still have that version and that nothing refers to, as the user would, and says which.
create function public.switchyard_home_withdraw(p_user_id uuid, p_collection text, p_version bigint, p_ids uuid[]) returns uuid[]
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_id uuid;
  v_gone uuid[] := '{}';
  v_count integer;
begin
  foreach v_id in array p_ids loop
    begin
      execute format('delete from public.%I where user_id = $1 and id = $2 and version = $3', switchyard.home_collection(p_collection))
        using p_user_id, v_id, p_version;
      get diagnostics v_count = row_count;
      if v_count > 0 then
        v_gone := v_gone || v_id;
      end if;
    exception when foreign_key_violation then
      null;
    end;
  end loop;
  return v_gone;
end $$;

select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_home_bring(text, text)', 'public.switchyard_home_owned_rows(text, text, text)',
  'public.switchyard_home_unbring(uuid, bigint)',
  'public.switchyard_home_withdraw(uuid, text, bigint, uuid[])'
]::regprocedure[]) f;

notify pgrst, 'reload schema';
