-- What both homes of a user who moves say of all collections in one call each, so that comparing them takes no longer where a
-- user has many records: digests, which each database makes itself, and what has been written since a version.

-- {collection: {"count", "deleted", "sums": {column: text}, "versions", "newest"}} for the collections that p_sums names, each
-- with its columns of numbers. `versions` is of all versions, those of tombstones apart: two different lists of them have
-- different ones, but by a coincidence that nobody meets. (Sums of remainders by large primes, and of squares: what MongoDB
-- can compute exactly, too, shared/mongo/home-digests.ts.)
create function public.switchyard_home_digests(p_user_id uuid, p_sums text) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_name text;
  v_columns jsonb;
  v_found jsonb;
  v_all jsonb := '{}';
  v_tombstones jsonb;
  c_versions constant text := 'sum(mod(version, 2147483647))::text || ''.'' || sum(mod(version, 2147483629))::text || ''.''
    || sum(mod(version, 1048573) * mod(version, 1048573))::text';
begin
  execute
    'select coalesce(jsonb_object_agg(s.collection, jsonb_build_array(s.n, s.versions, s.newest)), ''{}'') from (
       select d.collection, count(*) as n, ' || c_versions || ' as versions, max(d.version) as newest
       from switchyard.tombstones d where d.user_id = $1 group by 1
     ) s'
  into v_tombstones using p_user_id;
  for v_name, v_columns in select key, value from jsonb_each(p_sums::jsonb) loop
    execute format(
      'select jsonb_build_object(''count'', count(*), ''sums'', jsonb_build_object(%s),
         ''versions'', ' || c_versions || ', ''newest'', coalesce(max(t.version), 0))
       from public.%I t where t.user_id = $1',
      coalesce((
        select string_agg(format('%L, coalesce(sum(t.%I), 0)::text', s, s), ', ') from jsonb_array_elements_text(v_columns) s
      ), ''),
      switchyard.home_collection(v_name)
    ) into v_found using p_user_id;
    v_all := v_all || jsonb_build_object(v_name, v_found || jsonb_build_object(
      'deleted', coalesce((v_tombstones -> v_name ->> 0)::bigint, 0),
      'versions', concat_ws(' ', coalesce(v_found ->> 'versions', '0.0.0'), coalesce(v_tombstones -> v_name ->> 1, '0.0.0')),
      'newest', greatest((v_found ->> 'newest')::bigint, (v_tombstones -> v_name ->> 2)::bigint)
    ));
  end loop;
  return v_all;
end $$;

-- {collection: [[id, version, deleted]]} of what has at least the version that p_since names for it, by version; each up to
-- p_limit, and not those that have nothing.
create function public.switchyard_home_changes(p_user_id uuid, p_since text, p_limit integer default 5000) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_name text;
  v_since bigint;
  v_found jsonb;
  v_all jsonb := '{}';
begin
  for v_name, v_since in select key, value::text::bigint from jsonb_each(p_since::jsonb) loop
    execute format(
      'select jsonb_agg(jsonb_build_array(p.id, p.version::text, p.deleted) order by p.version) from (
         select t.id, t.version, false as deleted from public.%I t where t.user_id = $1 and t.version >= $2
         union all
         select d.id, d.version, true from switchyard.tombstones d
         where d.user_id = $1 and d.collection = $4 and d.version >= $2
         order by version limit $3
       ) p', switchyard.home_collection(v_name)
    ) into v_found using p_user_id, v_since, greatest(1, least(p_limit, 10000)), v_name;
    if v_found is not null then
      v_all := v_all || jsonb_build_object(v_name, v_found);
    end if;
  end loop;
  return v_all;
end $$;

select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_home_digests(uuid, text)', 'public.switchyard_home_changes(uuid, text, integer)'
]::regprocedure[]) f;

notify pgrst, 'reload schema';
