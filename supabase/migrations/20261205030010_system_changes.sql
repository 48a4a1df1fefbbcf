-- Changes that the system makes to records of everybody's, one page after the other: what a data migration does. They go the way
-- of the users' own writes: new versions and times, marks for the copies, quotas, constraints, references; and nobody's records
-- are touched while they are being moved, or where their owner is not at home any more, or not yet.

-- Whether an owner's records are this database's at this moment: here, busy (being moved), elsewhere.
create function switchyard.standing_of(p_fence public.user_database_assignments) returns text
language sql volatile set search_path = '' as $$
  select case
    -- in the control plane, who has no row has no account; elsewhere, only who has moved has one
    when p_fence.user_id is null then case when s.is_control then 'elsewhere' else 'here' end
    when p_fence.database_provider <> s.name then 'elsewhere'
    when switchyard.is_held(p_fence.state, p_fence.held_until) then 'busy'
    else 'here'
  end from switchyard.self s
$$;

-- One page of whatever is this database's, by owner and id where a home keeps them, otherwise by id: rows with p_columns, numbers
-- as text.
create function public.switchyard_change_page(
  p_collection text, p_columns text, p_after_owner uuid default null, p_after_id uuid default null, p_limit integer default 200
) returns jsonb
language plpgsql stable security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_placement text;
  v_rows jsonb;
begin
  select placement into v_placement from switchyard.collections where name = p_collection;
  if not found then
    raise exception 'there is no collection "%"', p_collection using errcode = 'PT404';
  elsif v_placement <> 'home' then
    execute format(
      'select coalesce(jsonb_agg(%1$s order by t.id), ''[]'')
       from (select * from public.%2$I where $1 is null or id > $1 order by id limit $2) t',
      public.records_json(p_collection, p_columns), p_collection
    ) into v_rows using p_after_id, greatest(1, least(p_limit, 1000));
    return v_rows;
  end if;
  execute format(
    'select coalesce(jsonb_agg(%1$s order by t.user_id, t.id), ''[]'') from (
       select r.* from public.%2$I r
       where ($1 is null or (r.user_id, r.id) > ($1, $2)) and (
         exists (select from public.user_database_assignments a where a.user_id = r.user_id and a.database_provider = $4)
         or (not $5 and not exists (select from public.user_database_assignments a where a.user_id = r.user_id))
       )
       order by r.user_id, r.id limit $3
     ) t',
    public.records_json(p_collection, p_columns), p_collection
  ) into v_rows using p_after_owner, p_after_id, greatest(1, least(p_limit, 1000)),
    (select name from switchyard.self), (select is_control from switchyard.self);
  return v_rows;
end $$;

-- Changes fields of records that still have the version which is expected: [{owner, id, version, fields}] -> in the same order
-- [{is, reason}]. written; missed: it has another version by now, or is gone; busy: its owner is being moved, or the collection is
-- written elsewhere for a while; elsewhere: its owner has moved away; refused: a constraint stands against it, or the quota.
create function public.switchyard_change_records(p_collection text, p_changes text) returns jsonb
language plpgsql volatile security definer set search_path = '' set timezone = 'UTC' as $$
declare
  v_changes jsonb := p_changes::jsonb;
  v_is_home boolean;
  v_owner uuid;
  v_standings jsonb := '{}';
  v_change jsonb;
  v_set text;
  v_is text;
  v_count integer;
  v_problem text;
  v_answers jsonb := '[]';
begin
  select placement = 'home' into v_is_home from switchyard.collections where name = p_collection;
  if not found then
    raise exception 'there is no collection "%"', p_collection using errcode = 'PT404';
  end if;
  if v_is_home then
    -- held until all of it is committed: a move waits for that, and what comes after it sees the fence
    for v_owner in select distinct (c ->> 'owner')::uuid from jsonb_array_elements(v_changes) c order by 1 loop
      v_standings := v_standings || jsonb_build_object(v_owner, switchyard.standing_of(switchyard.hold_fence(v_owner)));
    end loop;
  end if;
  for v_change in select c.value from jsonb_array_elements(v_changes) with ordinality c (value, place) order by c.place loop
    v_is := coalesce(v_standings ->> (v_change ->> 'owner'), 'here');
    v_problem := null;
    if v_is = 'here' then
      begin
        select string_agg(format('%1$I = r.%1$I', k), ', ') into strict v_set from jsonb_object_keys(v_change -> 'fields') k;
        execute format(
          'update public.%1$I t set %2$s from jsonb_populate_record(null::public.%1$I, $1) r
           where t.id = $2 and t.version = $3 %3$s',
          p_collection, v_set, case when v_is_home then 'and t.user_id = $4' else '' end
        ) using v_change -> 'fields', (v_change ->> 'id')::uuid, (v_change ->> 'version')::bigint, (v_change ->> 'owner')::uuid;
        get diagnostics v_count = row_count;
        v_is := case when v_count > 0 then 'written' else 'missed' end;
      exception when others then
        if sqlstate = 'PT503' then
          v_is := 'busy';
        elsif sqlstate ~ '^(22...|23...|SY...)$' then
          v_is := 'refused';
        else
          raise;
        end if;
        v_problem := sqlerrm;
      end;
    end if;
    v_answers := v_answers || jsonb_strip_nulls(jsonb_build_object('is', v_is, 'reason', v_problem));
  end loop;
  return v_answers;
end $$;

select switchyard.seal_function('switchyard.standing_of(public.user_database_assignments)'::regprocedure);
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_change_page(text, text, uuid, uuid, integer)', 'public.switchyard_change_records(text, text)'
]::regprocedure[]) f;

notify pgrst, 'reload schema';
