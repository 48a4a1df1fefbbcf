-- plane: control
-- Data migrations (switchyard migrate): what was done to the records of a collection, in every database that has some of them.
-- The SQL migrations beside this file are about tables, these about what stands in them; their files are the application's own.
--
--   running    up is under way, or was interrupted: records are in the old shape and in the new one
--   done       every record is in the new shape
--   reverting  as running, by down
--   reverted   every record is in the old shape again; to be run as if it never had been
--
-- One run at a time, whichever migration it is about, by a lease. The number of its claim (attempts) says whose it is: a run that
-- was too slow is told so by every call. A lease that ran out is lost, be it that nobody has taken it over: meanwhile another
-- migration may have been claimed.

create table switchyard.data_migrations (
  -- of its file, without the ending
  name text primary key check (length(name) between 1 and 200),
  state text not null check (state in ('running', 'done', 'reverting', 'reverted')),
  -- of the file's contents, as of the last run
  checksum text not null,
  attempts integer not null default 0,
  -- who runs it, for people's eyes; null, as the lease: nobody
  holder text,
  leased_until timestamptz,
  -- how far it has come: see shared/data-migrations/progress.ts
  progress jsonb not null default '{}',
  began_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  last_error text
);
alter table switchyard.data_migrations enable row level security;
revoke all on switchyard.data_migrations from public;

-- In the order of their names: [{name, state, checksum, holder, is_held, progress, began_at, ended_at, last_error}].
create function public.switchyard_data_migrations_list() returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'name', m.name, 'state', m.state, 'checksum', m.checksum, 'holder', m.holder,
    'is_held', coalesce(m.leased_until > clock_timestamp(), false), 'progress', m.progress, 'began_at', m.began_at,
    'ended_at', m.ended_at, 'last_error', m.last_error
  ) order by m.name collate "C"), '[]') from switchyard.data_migrations m
$$;

-- Begins with that migration, or goes on with it: {attempts, progress}. What an earlier run of the same file in the same
-- direction has kept is gone on from; otherwise it begins anew, which does no harm, because what it does may be repeated.
-- Refused while another run has a lease, of whichever migration.
create function public.switchyard_data_migrations_claim(
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
    progress = case when m.state = excluded.state and m.checksum = excluded.checksum then m.progress else '{}' end,
    began_at = case when m.state = excluded.state and m.checksum = excluded.checksum then m.began_at else clock_timestamp() end
  returning * into v_after;
  return jsonb_build_object('attempts', v_after.attempts, 'progress', v_after.progress);
end $$;

-- Renews the lease. False: it is lost.
create function public.switchyard_data_migrations_keep(p_name text, p_attempts integer, p_lease_seconds integer) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update switchyard.data_migrations set leased_until = clock_timestamp() + make_interval(secs => p_lease_seconds)
  where name = p_name and attempts = p_attempts and leased_until > clock_timestamp();
  return found;
end $$;

-- Writes down how far it has come, and renews the lease. False: it is lost, and nothing is changed.
create function public.switchyard_data_migrations_record(
  p_name text, p_attempts integer, p_lease_seconds integer, p_progress jsonb
) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update switchyard.data_migrations
  set progress = p_progress, leased_until = clock_timestamp() + make_interval(secs => p_lease_seconds)
  where name = p_name and attempts = p_attempts and leased_until > clock_timestamp();
  return found;
end $$;

-- Gives the lease back. p_is_through: it is done, or reverted; otherwise p_error says why not, and another run goes on. False:
-- the lease was lost, and nothing is changed.
create function public.switchyard_data_migrations_finish(
  p_name text, p_attempts integer, p_is_through boolean, p_error text default null
) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  update switchyard.data_migrations
  set holder = null, leased_until = null, last_error = left(p_error, 2000),
    state = case when not p_is_through then state when state = 'running' then 'done' else 'reverted' end,
    ended_at = case when p_is_through then clock_timestamp() end
  where name = p_name and attempts = p_attempts and leased_until > clock_timestamp();
  return found;
end $$;

-- How many moves of users have been switched from one home to another, ever (none is deleted). The same number before and
-- after a look at all homes says that nobody has gone from one that was still to be looked at to one that was not.
create function public.switchyard_data_migrations_switched() returns bigint
language sql stable security definer set search_path = '' as $$
  select count(*) from switchyard.moves where switched_at is not null
$$;

select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_data_migrations_list()', 'public.switchyard_data_migrations_claim(text, text, text, text, integer)',
  'public.switchyard_data_migrations_keep(text, integer, integer)',
  'public.switchyard_data_migrations_record(text, integer, integer, jsonb)',
  'public.switchyard_data_migrations_finish(text, integer, boolean, text)', 'public.switchyard_data_migrations_switched()'
]::regprocedure[]) f;

notify pgrst, 'reload schema';
