-- plane: control
-- Instances that write past the cache: they cannot reach Redis, which others may. Until they take it back, or it is over,
-- nobody answers from the cache (shared/cache/create-cache.ts). One row each, and mostly none.

create table switchyard.past_cache (
  instance uuid primary key,
  until timestamptz not null
);
alter table switchyard.past_cache enable row level security;
do $$
declare
  v_role text;
begin
  revoke all on switchyard.past_cache from public;
  for v_role in select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
    execute format('revoke all on switchyard.past_cache from %I', v_role);
  end loop;
end $$;

-- 0 seconds takes it back.
create function public.switchyard_write_past_cache(p_instance uuid, p_seconds integer) returns void
language plpgsql security definer set search_path = '' as $$
begin
  delete from switchyard.past_cache where until < now() or (instance = p_instance and p_seconds <= 0);
  if p_seconds > 0 then
    insert into switchyard.past_cache as c (instance, until)
    values (p_instance, now() + make_interval(secs => least(p_seconds, 3600)))
    on conflict (instance) do update set until = greatest(c.until, excluded.until);
  end if;
end $$;
select switchyard.seal_function('public.switchyard_write_past_cache(uuid, integer)', '{service_role}');

-- As before (see *_user_changes.sql), in the shape of version 2: with a first page also
--   past_cache   whether an instance writes past the cache
create function public.switchyard_list_user_changes_2(
  p_since timestamptz, p_after_xid text default '0', p_after_id bigint default 0, p_limit integer default 1000
) returns jsonb
language sql stable security definer set search_path = '' as $$
  select public.switchyard_list_user_changes(p_since, p_after_xid, p_after_id, p_limit) || jsonb_build_object(
    'past_cache', p_after_id = 0 and exists (select from switchyard.past_cache where until > now())
  )
$$;
select switchyard.seal_function(
  'public.switchyard_list_user_changes_2(timestamptz, text, bigint, integer)', '{service_role}');
