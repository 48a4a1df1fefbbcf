-- plane: control
-- How much this Postgres holds, beside how many records: bytes on disk, of tables, indexes and what Supabase itself keeps.

create or replace function public.switchyard_stats() returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_name text;
  v_count bigint;
  v_collections jsonb := '{}';
begin
  for v_name in select name from switchyard.collections order by position loop
    continue when to_regclass(format('public.%I', v_name)) is null;
    execute format('select count(*) from public.%I', v_name) into v_count;
    v_collections := v_collections || jsonb_build_object(v_name, v_count);
  end loop;
  return (
    select jsonb_build_object(
      'user_distribution', coalesce(jsonb_object_agg(name, user_count), '{}'),
      'total_users', coalesce(sum(user_count), 0),
      'collections', v_collections,
      'bytes', pg_database_size(current_database()))
    from switchyard.databases
  );
end $$;
select switchyard.seal_function('public.switchyard_stats()', '{service_role}');
