-- As before (see *_home_copies.sql), but in the control plane a turn ends when a later move of the user begins, too, as it does
-- everywhere else: whoever cleans a copy that was kept here would take away what the later move has brought, and compared.
create or replace function switchyard.refuse_at_home(p_user_id uuid, p_turn bigint) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_self record;
  v_fence public.user_database_assignments;
  v_is_ours boolean := true;
begin
  select name, is_control into v_self from switchyard.self;
  v_fence := switchyard.hold_fence(p_user_id);
  if v_self.is_control then
    execute 'select exists (select from switchyard.tasks where queue = ''move'' and subject = $1 and done_at is null
      and (payload ->> ''move'')::bigint = $2 / 1048576 and attempts = $2 % 1048576)
      and not exists (select from switchyard.moves where user_id = $1 and id > $2 / 1048576
        and state in (''announced'', ''copying'', ''switched'', ''aborting''))' into v_is_ours using p_user_id, p_turn;
  else
    v_is_ours := v_fence.turn = p_turn;
  end if;
  if v_fence.user_id is null then
    raise exception 'No move of user % leads here; the user may have been deleted.', p_user_id using errcode = 'PT404';
  elsif v_fence.database_provider = v_self.name and (v_self.is_control or v_fence.state <> 'moving') then
    raise exception 'User % is at home here.', p_user_id using errcode = 'invalid_parameter_value';
  elsif not v_is_ours then
    raise exception 'Another worker moves user % by now.', p_user_id using errcode = 'invalid_parameter_value';
  end if;
end $$;
