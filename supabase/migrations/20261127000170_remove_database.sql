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
    raise exception 'Users are at home in "%": %. Their records are there, so it stays until the last of them has deleted the account. To keep new users out meanwhile: switchyard databases drain %.',
      p_name, v_users, p_name using errcode = 'invalid_parameter_value';
  end if;
  select count(*) into v_tasks from switchyard.tasks where database = p_name and done_at is null;
  if v_tasks > 0 then
    raise exception 'Tasks wait to be done in "%", for users who were deleted or have moved, and it still has their data: %. Wait until they are done, with the database within reach; the last are due when none of those users'' tokens lives any more.',
      p_name, v_tasks using errcode = 'invalid_parameter_value';
  end if;
  delete from switchyard.tasks where database = p_name;
  delete from switchyard.databases where name = p_name;
end $$;

select switchyard.seal_function('public.switchyard_remove_database(text)', '{service_role}');
