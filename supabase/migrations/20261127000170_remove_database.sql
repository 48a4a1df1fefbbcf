-- plane: control
-- Takes a database off the list, once nothing of anybody's can be in it.
create function public.switchyard_remove_database(p_name text) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_users bigint;
  v_tasks bigint;
begin
  if p_name = (select name from switchyard.self) then
    raise exception '"%" has the accounts and this very list: it cannot be removed. To keep new users out: switchyard databases set % --accepting=false.',
      p_name, p_name using errcode = 'invalid_parameter_value';
  end if;
  perform switchyard.lock_databases();
  if not exists (select from switchyard.databases where name = p_name) then
    raise exception 'There is no database named "%".', p_name using errcode = 'invalid_parameter_value';
  end if;
  select count(*) into v_users from public.user_database_assignments where database_provider = p_name;
  if v_users > 0 then
    raise exception 'There are % users at home in "%". Drain it first, which moves them: switchyard databases drain %.',
      v_users, p_name, p_name using errcode = 'invalid_parameter_value';
  end if;
  select count(*) into v_tasks from switchyard.tasks where database = p_name and done_at is null;
  if v_tasks > 0 then
    raise exception 'There are % tasks to be done in "%", of users who were deleted there or have moved: it still has their data. Wait until they are done (the last are due when no token lives any more), with the database within reach.',
      v_tasks, p_name using errcode = 'invalid_parameter_value';
  end if;
  delete from switchyard.tasks where database = p_name;
  delete from switchyard.databases where name = p_name;
end $$;

select switchyard.seal_function('public.switchyard_remove_database(text)', '{service_role}');
