-- plane: control
-- What the control plane keeps of a user beside their account, their records and the ledger, for their export.

-- {"private_profile", "homes": [...], "moves": [...], "sessions": [...]}, oldest first but for sessions. What a worker noted of
-- a move for itself is not the user's.
create function public.switchyard_account_export(p_user_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  return jsonb_build_object(
    'private_profile', public.private_profile(p_user_id) - 'user_id',
    'homes', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'database', h.database_provider, 'epoch', h.epoch, 'event', h.event, 'reason', h.reason, 'at', h.at
      ) order by h.id), '[]')
      from switchyard.assignment_history h where h.user_id = p_user_id
    ),
    'moves', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'from', m.source, 'to', m.target, 'state', m.state, 'reason', m.reason, 'created_at', m.created_at,
        'switched_at', m.switched_at, 'kept_until', m.kept_until, 'ended_at', m.ended_at
      ) order by m.id), '[]')
      from switchyard.moves m where m.user_id = p_user_id
    ),
    'sessions', public.switchyard_list_sessions(p_user_id)
  );
end $$;
select switchyard.seal_function('public.switchyard_account_export(uuid)', '{service_role}');

notify pgrst, 'reload schema';
