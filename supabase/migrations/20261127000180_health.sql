-- What a health probe reads: which database answers, and whether the code and this schema fit (shared/postgres/revision.ts).

-- Raised by each migration that the code cannot do without; oldest_code by one that older code cannot run on.
update switchyard.self set revision = 2, oldest_code = 2;

-- can_place: whether a sign-up would find a home; null in a data plane, which has no say in that.
create function public.switchyard_health() returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_self switchyard.self;
  v_can_place boolean;
begin
  select * into v_self from switchyard.self;
  if v_self.is_control then
    v_can_place := public.switchyard_can_place();
  end if;
  return jsonb_build_object('id', v_self.id, 'name', v_self.name, 'site', v_self.site, 'revision', v_self.revision,
    'oldest_code', v_self.oldest_code, 'can_place', v_can_place);
end $$;
select switchyard.seal_function('public.switchyard_health()', '{service_role}');

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
