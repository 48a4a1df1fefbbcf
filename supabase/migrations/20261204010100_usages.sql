-- How much each of these users keeps here, for whoever plans moves: {"<id>": [records, bytes]}; who keeps nothing is not in it.
-- It is what writes have counted already (*_quotas.sql), so it costs one look at an index for each, and it counts what is kept
-- here for other reasons than being at home, too.
create function public.switchyard_usages(p_user_ids uuid[]) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_object_agg(u.user_id, jsonb_build_array(u.records, u.bytes)), '{}')
  from switchyard.user_usage u where u.user_id = any (p_user_ids)
$$;
select switchyard.seal_function('public.switchyard_usages(uuid[])', '{service_role}');

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
