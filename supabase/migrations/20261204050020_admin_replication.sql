-- plane: control
-- What replication has set aside, and what was changed on both sides, page after page.

-- Rows that the copy has refused for good, behind that one, in the order of their names: [{"collection", "id", "attempts",
-- "error", "failed_at"}].
create function public.switchyard_admin_dead(
  p_behind_collection text default null, p_behind_id uuid default null, p_limit integer default 50
) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(p) order by p.collection, p.id), '[]') from (
    select collection, row_id as id, attempts, error, failed_at from switchyard.replication_failures
    where is_dead and (p_behind_collection is null or (collection, row_id) > (p_behind_collection, p_behind_id))
    order by collection, row_id limit greatest(1, least(p_limit, 1000))
  ) p
$$;

-- How many rows of this side would be tried again: switchyard_replication_retry() takes those that are only failing, too.
create function public.switchyard_admin_retried() returns bigint
language sql stable security definer set search_path = '' as $$
  select count(*) from switchyard.replication_failures
$$;

-- The latest first, behind that number; with both versions, as switchyard_replication_conflict() shows them.
create function public.switchyard_admin_conflicts(
  p_all boolean default false, p_before bigint default null, p_limit integer default 50
) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(p) || jsonb_build_object(
    'kept', switchyard.spelt_version(p.collection, p.kept), 'other', switchyard.spelt_version(p.collection, p.other)
  ) order by p.id desc), '[]') from (
    select id, collection, row_id, found_at, state, decided_at, kept, other from switchyard.conflicts
    where (p_all or state = 'open') and (p_before is null or id < p_before)
    order by id desc limit greatest(1, least(p_limit, 200))
  ) p
$$;

select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_admin_dead(text, uuid, integer)', 'public.switchyard_admin_retried()',
  'public.switchyard_admin_conflicts(boolean, bigint, integer)'
]::regprocedure[]) f;

notify pgrst, 'reload schema';
