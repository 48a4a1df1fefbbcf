-- plane: control
-- What a run of a data migration was about to write when it was last heard of is remembered by the next one, also when that goes
-- the other way or is of another file: a process that was frozen there writes when it wakes, unless its records have got new
-- versions by then (shared/data-migrations/in-flight.ts).

-- As before (20261205030000), but for progress, of which `writing` is kept.
create or replace function public.switchyard_data_migrations_claim(
  p_name text, p_checksum text, p_direction text, p_holder text, p_lease_seconds integer
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_held switchyard.data_migrations;
  v_before switchyard.data_migrations;
  v_after switchyard.data_migrations;
  v_state text := case p_direction when 'up' then 'running' when 'down' then 'reverting' end;
begin
  perform pg_advisory_xact_lock(hashtextextended('switchyard.data_migrations', 0));
  select * into v_held from switchyard.data_migrations where leased_until > clock_timestamp() order by name limit 1;
  if found then
    raise exception 'Another run is at %: % has it, and if that has ended without saying so, for % more seconds.', v_held.name,
      v_held.holder, ceil(extract(epoch from v_held.leased_until - clock_timestamp())) using errcode = 'invalid_parameter_value';
  end if;
  select * into v_before from switchyard.data_migrations where name = p_name;
  if p_direction = 'up' and v_before.state = 'done' then
    raise exception '% is done already.', p_name using errcode = 'invalid_parameter_value';
  elsif p_direction = 'down' and coalesce(v_before.state, 'reverted') = 'reverted' then
    raise exception '% is not done, so there is nothing to take back.', p_name using errcode = 'invalid_parameter_value';
  end if;
  insert into switchyard.data_migrations as m (name, state, checksum, attempts, holder, leased_until)
  values (p_name, v_state, p_checksum, 1, p_holder, clock_timestamp() + make_interval(secs => p_lease_seconds))
  on conflict (name) do update set
    state = excluded.state, checksum = excluded.checksum, attempts = m.attempts + 1, holder = excluded.holder,
    leased_until = excluded.leased_until, ended_at = null, last_error = null,
    progress = case
      when m.state = excluded.state and m.checksum = excluded.checksum then m.progress
      when m.progress ? 'writing' then jsonb_build_object('writing', m.progress -> 'writing')
      else '{}'
    end,
    began_at = case when m.state = excluded.state and m.checksum = excluded.checksum then m.began_at else clock_timestamp() end
  returning * into v_after;
  return jsonb_build_object('attempts', v_after.attempts, 'progress', v_after.progress);
end $$;

notify pgrst, 'reload schema';
