-- What one user keeps here, by collection, counted as switchyard.user_usage counts it: {"<collection>": {"records", "bytes"}}.
-- It reads all of it, and a quota bounds how much that is.
create function public.switchyard_holdings(p_user_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC' set datestyle = 'ISO' as $$
declare
  v_each record;
  v_found jsonb;
  v_holdings jsonb := '{}';
begin
  for v_each in
    select name, owner_column from switchyard.collections where owner_column is not null order by position
  loop
    continue when to_regclass(format('public.%I', v_each.name)) is null;
    execute format(
      'select jsonb_build_object(''records'', count(*), ''bytes'', coalesce(sum((octet_length(r::text) / 64 + 1) * 64), 0))
       from public.%I r where r.%I = $1', v_each.name, v_each.owner_column) into v_found using p_user_id;
    v_holdings := v_holdings || jsonb_build_object(v_each.name, v_found);
  end loop;
  return v_holdings;
end $$;
select switchyard.seal_function('public.switchyard_holdings(uuid)', '{service_role}');

notify pgrst, 'reload schema';
