-- What `switchyard doctor` compares with the definitions: the version, which migrations have run, and of each collection's table
-- what it has, by name. Over REST, because a project need not have a direct connection; for the service's key alone.
--
-- leftovers: users whom an earlier run of the doctor's has not deleted, because it was killed; the name is the doctor's, and
-- .invalid is nobody's domain. Ten minutes: no run takes so long.
create function public.switchyard_inspect() returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_self switchyard.self := (select s from switchyard.self s);
  v_hook regprocedure := to_regprocedure('public.custom_access_token_hook(jsonb)');
  v_list text := case when v_self.is_control then 'supabase_migrations.schema_migrations' else 'switchyard.migrations' end;
  v_migrations jsonb;
  v_leftovers jsonb := '[]';
begin
  if to_regclass(v_list) is not null then
    execute format('select coalesce(jsonb_agg(version order by version), ''[]'') from %s', v_list) into v_migrations;
  end if;
  if v_self.is_control then
    select coalesce(jsonb_agg(u.id), '[]') into v_leftovers
    from auth.users u
    where u.email like 'switchyard-doctor-%@doctor.invalid' and u.created_at < now() - interval '10 minutes'
      and u.deleted_at is null;
  end if;
  return jsonb_build_object(
    -- what it calls itself: an address may lead to another database than its variable says
    'name', v_self.name,
    'server_version_num', current_setting('server_version_num')::integer,
    'migrations', v_migrations,
    -- null: there is no such role, as where no Supabase Auth is
    'may_call_token_hook', (
      select v_hook is not null and has_function_privilege(r.oid, v_hook, 'execute')
        and has_schema_privilege(r.oid, 'public', 'usage')
      from pg_catalog.pg_roles r where r.rolname = 'supabase_auth_admin'
    ),
    'has_token_hook', v_hook is not null,
    'leftovers', v_leftovers,
    'tables', (
      select coalesce(jsonb_object_agg(c.relname, jsonb_build_object(
        'columns', (
          select coalesce(jsonb_agg(a.attname), '[]') from pg_catalog.pg_attribute a
          where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        ),
        -- one that was not made to its end is read by nobody
        'indexes', (
          select coalesce(jsonb_agg(i.relname), '[]')
          from pg_catalog.pg_index x join pg_catalog.pg_class i on i.oid = x.indexrelid
          where x.indrelid = c.oid and x.indisvalid
        ),
        'constraints', (select coalesce(jsonb_agg(n.conname), '[]') from pg_catalog.pg_constraint n where n.conrelid = c.oid),
        'triggers', (
          select coalesce(jsonb_agg(t.tgname), '[]') from pg_catalog.pg_trigger t
          where t.tgrelid = c.oid and t.tgenabled <> 'D'
        ),
        'policies', (select coalesce(jsonb_agg(p.polname), '[]') from pg_catalog.pg_policy p where p.polrelid = c.oid),
        'row_level_security', c.relrowsecurity
      )), '{}')
      from switchyard.collections k
      join pg_catalog.pg_class c on c.oid = to_regclass(format('public.%I', k.name))
    )
  );
end $$;
select switchyard.seal_function('public.switchyard_inspect()', '{service_role}');

notify pgrst, 'reload schema';
