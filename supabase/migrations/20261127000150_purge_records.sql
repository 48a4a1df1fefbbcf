-- A deleted user's records go from this database, whichever it is.

drop function if exists public.switchyard_purge_supabase(uuid, integer);

-- Deletes up to p_limit of a user's records. Collections go in the opposite order of their making, so that references
-- hold whatever is left.
create or replace function switchyard.delete_records(p_user_id uuid, p_limit integer) returns integer
language plpgsql set search_path = '' as $$
declare
  v_deleted integer := 0;
  v_count integer;
  v_table record;
begin
  set constraints all deferred;
  for v_table in
    select 'public.' || quote_ident(name) as name, owner_column as owner, position
    from switchyard.collections where owner_column is not null
    union all select 'switchyard.tombstones', 'user_id', -1
    order by position desc
  loop
    exit when v_deleted >= p_limit;
    continue when to_regclass(v_table.name) is null;
    execute format(
      'delete from %1$s where ctid = any (array(select ctid from %1$s where %2$I = $1 limit $2))',
      v_table.name, v_table.owner
    ) using p_user_id, p_limit - v_deleted;
    get diagnostics v_count = row_count;
    v_deleted := v_deleted + v_count;
  end loop;
  set constraints all immediate;
  return v_deleted;
end $$;

-- Deletes up to p_batch_size of a user's records and says how many; 0 when none is left. The control plane knows who is
-- there, and keeps what is theirs; a data plane does as it is told.
create function public.switchyard_purge_records(p_user_id uuid, p_batch_size integer default 1000) returns integer
language plpgsql security definer set search_path = '' as $$
begin
  if (select is_control from switchyard.self) then
    if exists (select from auth.users where id = p_user_id and deleted_at is null) then
      return 0;
    end if;
  end if;
  begin
    return switchyard.delete_records(p_user_id, greatest(1, least(p_batch_size, 100000)));
  exception when foreign_key_violation then
    -- records that refer to their own kind, cut apart by the batch: all at once then
    return switchyard.delete_records(p_user_id, 2147483647);
  end;
end $$;

select switchyard.seal_function('switchyard.delete_records(uuid, integer)'::regprocedure);
select switchyard.seal_function('public.switchyard_purge_records(uuid, integer)', '{service_role}');
