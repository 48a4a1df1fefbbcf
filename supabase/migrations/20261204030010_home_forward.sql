-- A write that came late to a home which its user had left, made where they are at home now: exactly as it was written, its
-- version and times with it.

-- One row, or one tombstone, in the place of the version p_expected of it, or of nothing (null). "done": it is there, be it from
-- before; and otherwise nothing is changed: "changed": something else is there; "taken": another record has its unique key;
-- "unfit": what it refers to is not there, or what is to be deleted is referred to; "busy": the user is being moved;
-- "elsewhere": they are at home somewhere else, or came back meanwhile.
create function public.switchyard_home_forward(
  p_user_id uuid, p_epoch integer, p_collection text, p_rows text, p_tombstones text, p_expected bigint default null
) returns text
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_fence public.user_database_assignments := switchyard.hold_fence(p_user_id);
  v_row jsonb := p_rows::jsonb -> 0;
  v_tombstone jsonb := p_tombstones::jsonb -> 0;
  v_id uuid := (coalesce(v_row, v_tombstone) ->> 'id')::uuid;
  v_version bigint := (coalesce(v_row, v_tombstone) ->> 'version')::bigint;
  v_columns text;
  v_present bigint;
begin
  if v_fence.database_provider is distinct from (select name from switchyard.self) or v_fence.epoch <> p_epoch then
    return 'elsewhere';
  elsif switchyard.is_held(v_fence.state, v_fence.held_until) then
    return 'busy';
  end if;
  execute format('select version from public.%I where user_id = $1 and id = $2 for update', switchyard.home_collection(p_collection))
    into v_present using p_user_id, v_id;
  if v_present is null then
    select version into v_present from switchyard.tombstones
    where user_id = p_user_id and collection = p_collection and id = v_id for update;
  end if;
  if v_present = v_version then
    return 'done';
  elsif v_present is distinct from p_expected then
    return 'changed';
  end if;
  begin
    set constraints all deferred;
    perform set_config('switchyard.applying', (select secret from switchyard.apply_secret), true);
    execute format('delete from public.%I where user_id = $1 and id = $2', p_collection) using p_user_id, v_id;
    delete from switchyard.tombstones where user_id = p_user_id and collection = p_collection and id = v_id;
    if v_row is not null then
      select string_agg(format('%I', k), ', ') into v_columns from jsonb_object_keys(v_row) k;
      execute format(
        'insert into public.%1$I (%2$s) select %2$s from jsonb_populate_record(null::public.%1$I, $1) r where r.user_id = $2',
        p_collection, v_columns
      ) using v_row, p_user_id;
    else
      insert into switchyard.tombstones (collection, user_id, id, version, create_hash, deleted_at)
      select p_collection, p_user_id, d.id, d.version, d.create_hash, d.deleted_at
      from jsonb_to_record(v_tombstone) d (id uuid, version bigint, create_hash text, deleted_at timestamptz);
    end if;
    set constraints all immediate;
    perform set_config('switchyard.applying', '', true);
  exception
    when unique_violation then return 'taken';
    when foreign_key_violation or restrict_violation or check_violation then return 'unfit';
  end;
  return 'done';
end $$;

select switchyard.seal_function(
  'public.switchyard_home_forward(uuid, integer, text, text, text, bigint)'::regprocedure, '{service_role}'
);

notify pgrst, 'reload schema';
