-- plane: control
-- As before, at a bounded cost: of a table with more rows than p_exact the count is an estimate, Postgres' own of its living
-- rows, and `estimated` says of when: {"expenses": "2026-..."}; null: nobody has looked since the server keeps count.
-- (A count of at most so many rows and one more takes as long as they do, however many there are.)
drop function public.switchyard_stats();
create function public.switchyard_stats(p_exact bigint default 100000) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_name text;
  v_count bigint;
  v_as_of timestamptz;
  v_collections jsonb := '{}';
  v_estimated jsonb := '{}';
begin
  for v_name in select name from switchyard.collections order by position loop
    continue when to_regclass(format('public.%I', v_name)) is null;
    execute format('select count(*) from (select from public.%I limit $1) t', v_name) into v_count using p_exact + 1;
    if v_count > p_exact then
      select greatest(v_count, s.n_live_tup, c.reltuples::bigint),
        greatest(s.last_analyze, s.last_autoanalyze, s.last_vacuum, s.last_autovacuum)
      into v_count, v_as_of
      from pg_catalog.pg_class c left join pg_catalog.pg_stat_all_tables s on s.relid = c.oid
      where c.oid = to_regclass(format('public.%I', v_name));
      v_estimated := v_estimated || jsonb_build_object(v_name, v_as_of);
    end if;
    v_collections := v_collections || jsonb_build_object(v_name, v_count);
  end loop;
  return (
    select jsonb_build_object(
      'user_distribution', coalesce(jsonb_object_agg(name, user_count), '{}'),
      'total_users', coalesce(sum(user_count), 0),
      'collections', v_collections,
      'estimated', v_estimated,
      'bytes', pg_database_size(current_database()))
    from switchyard.databases
  );
end $$;
select switchyard.seal_function('public.switchyard_stats(bigint)', '{service_role}');

notify pgrst, 'reload schema';
