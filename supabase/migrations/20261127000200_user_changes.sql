-- plane: control
-- What instances have to know of users whose tokens are older than it: who was deleted, and who has moved. One list, which each
-- instance reads every few seconds, however many requests it serves.

create index user_database_assignments_moved on public.user_database_assignments (assigned_at) where epoch > 1;

-- Deleted since then, and not there again; at home somewhere else since then. As JSON, because REST cuts lists of rows at a
-- limit.
create function public.switchyard_user_changes(p_since timestamptz) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'deleted', to_jsonb(public.switchyard_deletions(p_since)),
    'moved', coalesce((
      select jsonb_agg(jsonb_build_object('user_id', a.user_id, 'home', a.database_provider, 'epoch', a.epoch))
      from public.user_database_assignments a where a.epoch > 1 and a.assigned_at >= p_since
    ), '[]')
  )
$$;
select switchyard.seal_function('public.switchyard_user_changes(timestamptz)', '{service_role}');
