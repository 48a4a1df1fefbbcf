-- plane: control
-- Imports of users and their records from elsewhere (switchyard import). What a run has made stands here and not in a file beside
-- whoever ran it: a run is gone on with, and undone, from any machine.
--
-- run     one source, one mapping, one home; held by one process at a time, by a lease
-- claim   a user's id is the run's, with the home that the trigger of sign-ups is to give: from before their records are
--         written until the user is there, or has failed and nothing of theirs is left
--
-- A user of a run: claimed -> done | failed; done -> undoing -> undone | kept (they have used the account since).

create table switchyard.imports (
  id bigint generated always as identity primary key,
  -- without credentials
  source text not null check (length(source) between 1 and 1000),
  map jsonb not null,
  map_hash text not null,
  home text not null references switchyard.databases (name),
  state text not null default 'running' check (state in ('running', 'done', 'undoing', 'undone')),
  began_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  -- of the process that works at it
  holder uuid not null,
  leased_until timestamptz not null,
  summary jsonb not null default '{}'
);

create table switchyard.import_users (
  run_id bigint not null references switchyard.imports on delete cascade,
  user_id uuid not null,
  state text not null check (state in ('claimed', 'done', 'failed', 'undoing', 'undone', 'kept')),
  home text not null,
  -- of every record that the run has made for this user: what has another one, the user has changed since
  version bigint,
  -- how many, by collection
  records jsonb not null default '{}',
  -- why it failed, or was kept
  reason text,
  changed_at timestamptz not null default clock_timestamp(),
  primary key (run_id, user_id)
);
-- a user is of one run at most; looked into by every sign-up
create unique index import_users_here on switchyard.import_users (user_id) where state in ('claimed', 'done', 'undoing', 'kept');
create index import_users_state on switchyard.import_users (run_id, state, user_id);

alter table switchyard.imports enable row level security;
alter table switchyard.import_users enable row level security;
revoke all on switchyard.imports, switchyard.import_users from public;

-- As before (*_placement.sql), but that a home which is reserved for that id goes before the choice. Whoever is imported has
-- records from the first moment, so they are none of those who are forgotten after a week without having confirmed anything
-- (*_unconfirmed.sql), nor of those whose deletion leaves nothing to take away.
create or replace function switchyard.user_created() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_home text := (select u.home from switchyard.import_users u where u.user_id = new.id and u.state = 'claimed');
begin
  perform switchyard.assign(new.id, v_home);
  if v_home is not null then
    perform switchyard.settle_unconfirmed(array[new.id]);
  end if;
  return null;
end $$;

-- Begins a run, or goes on with one: the one of the same source, mapping and home that there is already, or p_run (p_undo: with
-- taking it back). Refused while another process works at it. With is_new: nothing had been done yet.
create function public.switchyard_import_begin(
  p_holder uuid, p_run bigint default null, p_source text default null, p_map jsonb default null, p_map_hash text default null,
  p_home text default null, p_undo boolean default false
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_run switchyard.imports;
begin
  if p_run is null then
    if not exists (select from switchyard.databases where name = p_home) then
      raise exception 'There is no database named "%".', p_home using errcode = 'invalid_parameter_value';
    end if;
    -- two that begin at once are one run, too
    lock table switchyard.imports in share row exclusive mode;
    select max(id) into p_run from switchyard.imports
    where source = p_source and map_hash = p_map_hash and home = p_home and state in ('running', 'done');
  end if;
  if p_run is null then
    insert into switchyard.imports (source, map, map_hash, home, holder, leased_until)
    values (p_source, p_map, p_map_hash, p_home, p_holder, clock_timestamp() + interval '1 minute')
    returning * into v_run;
    return to_jsonb(v_run) - 'holder' || '{"is_new": true}';
  end if;
  select * into v_run from switchyard.imports where id = p_run for update;
  if not found then
    raise exception 'There is no run %. See import status.', p_run using errcode = 'PT404';
  elsif v_run.holder <> p_holder and v_run.leased_until > clock_timestamp() then
    raise exception 'Another process works at run %, or has ended without saying so: try again in % seconds.',
      p_run, ceil(extract(epoch from v_run.leased_until - clock_timestamp())) using errcode = 'invalid_parameter_value';
  elsif p_undo and v_run.state = 'undone' then
    raise exception 'Run % has been undone.', p_run using errcode = 'invalid_parameter_value';
  elsif not p_undo and v_run.state not in ('running', 'done') then
    raise exception 'Run % has been undone, or is about to be. Begin a new one.', p_run using errcode = 'invalid_parameter_value';
  elsif not p_undo and p_map_hash <> v_run.map_hash then
    raise exception 'The mapping is another one than run % began with. Undo that run first, or go on with its own mapping.', p_run
      using errcode = 'invalid_parameter_value';
  elsif not p_undo and p_home <> v_run.home then
    raise exception 'Run % began with the home "%": go on with --home=%.', p_run, v_run.home, v_run.home
      using errcode = 'invalid_parameter_value';
  end if;
  update switchyard.imports
  set holder = p_holder, leased_until = clock_timestamp() + interval '1 minute', ended_at = null,
    state = case when p_undo then 'undoing' else 'running' end
  where id = p_run returning * into v_run;
  return to_jsonb(v_run) - 'holder' || '{"is_new": false}';
end $$;

-- Raises unless that process still has the run.
create function switchyard.hold_import(p_run bigint, p_holder uuid) returns switchyard.imports
language plpgsql volatile set search_path = '' as $$
declare
  v_run switchyard.imports;
begin
  update switchyard.imports set leased_until = clock_timestamp() + interval '1 minute'
  where id = p_run and holder = p_holder and state in ('running', 'undoing') returning * into v_run;
  if not found then
    raise exception 'Another process works at run % by now, or it has ended.', p_run using errcode = 'invalid_parameter_value';
  end if;
  return v_run;
end $$;

-- What stands against taking these users in: [{user_id, email}] -> [{user_id, is: new | there | taken | deleted | elsewhere}].
-- there: a user with that id; taken: somebody has that address; deleted: the user was here and left; elsewhere: of another run.
create function public.switchyard_import_look(p_users jsonb, p_run bigint default null) returns jsonb
language sql stable security definer set search_path = '' as $$
  with given as (
    select user_id, lower(email) as email from jsonb_to_recordset(p_users) g (user_id uuid, email text)
  ), addressed as (
    -- once for all of them: the index on addresses is a partial one in some projects, and in some there is none
    select o.id, o.email from auth.users o where o.email in (select email from given)
  )
  select coalesce(jsonb_agg(jsonb_build_object('user_id', g.user_id, 'run', r.run_id, 'is', case
    when r.run_id <> coalesce(p_run, 0) then 'elsewhere'
    when u.id is not null then 'there'
    when exists (select from addressed o where o.email = g.email and o.id <> g.user_id) then 'taken'
    when (select max(h.at) from switchyard.assignment_history h where h.user_id = g.user_id and h.event = 'released')
      > coalesce((select max(i.changed_at) from switchyard.import_users i where i.user_id = g.user_id and i.state = 'undone'),
        '-infinity') then 'deleted'
    else 'new' end)), '[]')
  from given g
  left join auth.users u on u.id = g.user_id
  left join switchyard.import_users r on r.user_id = g.user_id and r.state in ('claimed', 'done', 'undoing', 'kept')
$$;

-- Makes these the run's, and reserves their home: [{user_id, email}] -> [{user_id, is, version, is_again}]. is: claimed (their
-- records may be written, with that version; is_again: an earlier try may have left some), done, arrived (claimed before, and there by now: nothing but saying so was left), purging (what
-- they left here is being taken away at this moment), or as switchyard_import_look.
create function public.switchyard_import_claim(p_run bigint, p_holder uuid, p_users jsonb) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_run switchyard.imports := switchyard.hold_import(p_run, p_holder);
  v_site integer := (select site from switchyard.databases where name = v_run.home);
  v_version bigint := extract(epoch from clock_timestamp()) * 1000000;
  v_user record;
  v_was text;
  v_answers jsonb := '[]';
begin
  for v_user in
    select (l ->> 'user_id')::uuid as user_id, l ->> 'is' as outcome from jsonb_array_elements(public.switchyard_import_look(p_users, p_run)) l
    order by 1
  loop
    select state into v_was from switchyard.import_users where run_id = p_run and user_id = v_user.user_id;
    if v_was = 'done' then
      v_user.outcome := 'done';
    elsif v_was = 'claimed' and v_user.outcome = 'there' then
      v_user.outcome := 'arrived';
    elsif v_user.outcome = 'new' then
      perform 1 from switchyard.tasks where subject = v_user.user_id and queue = 'purge' and done_at is null for update;
      if exists (select from switchyard.tasks where subject = v_user.user_id and queue = 'purge' and done_at is null
        and leased_until > clock_timestamp())
      then
        v_user.outcome := 'purging';
      else
        -- or what they are about to get would go with what they left
        delete from switchyard.tasks where subject = v_user.user_id and queue = 'purge';
        v_user.outcome := 'claimed';
        -- above that of an earlier try, whose records go
        select greatest(v_version, max(version) + 1) into v_version from switchyard.import_users where user_id = v_user.user_id;
        v_version := v_version + (v_site - v_version % 8 + 8) % 8;
        insert into switchyard.import_users (run_id, user_id, state, home, version)
        values (p_run, v_user.user_id, 'claimed', v_run.home, v_version)
        on conflict (run_id, user_id) do update
        set state = 'claimed', version = excluded.version, reason = null, records = '{}', changed_at = clock_timestamp();
      end if;
    end if;
    v_answers := v_answers || jsonb_build_object('user_id', v_user.user_id, 'is', v_user.outcome,
      'version', (select version::text from switchyard.import_users where run_id = p_run and user_id = v_user.user_id),
      'is_again', coalesce(v_was = 'claimed', false));
  end loop;
  return v_answers;
end $$;

-- How it went: [{user_id, state, records, reason, is_unclaimed}]. What is said of users who were not claimed changes nothing of
-- those who are, or were.
create function public.switchyard_import_settle(p_run bigint, p_holder uuid, p_users jsonb) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_run switchyard.imports := switchyard.hold_import(p_run, p_holder);
begin
  insert into switchyard.import_users as u (run_id, user_id, state, home, records, reason)
  select p_run, g.user_id, g.state, v_run.home, coalesce(g.records, '{}'), g.reason
  from jsonb_to_recordset(p_users) g (user_id uuid, state text, records jsonb, reason text, is_unclaimed boolean)
  where not (coalesce(g.is_unclaimed, false) and exists (
    select from switchyard.import_users i where i.run_id = p_run and i.user_id = g.user_id and i.state <> 'failed'))
  on conflict (run_id, user_id) do update
  set state = excluded.state, reason = excluded.reason, changed_at = clock_timestamp(),
    records = case when excluded.records = '{}' then u.records else excluded.records end;
end $$;

-- The run is over, until somebody goes on with it.
create function public.switchyard_import_end(p_run bigint, p_holder uuid, p_state text, p_summary jsonb) returns void
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform switchyard.hold_import(p_run, p_holder);
  update switchyard.imports
  set state = p_state, summary = summary || p_summary, leased_until = clock_timestamp(),
    ended_at = case when p_state in ('done', 'undone') then clock_timestamp() end
  where id = p_run;
end $$;

-- Newest first, with how many users are in which state, and how many of those that are done are not at home where the run said.
create function public.switchyard_imports(p_run bigint default null, p_limit integer default 50) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(i) - 'holder' - 'map' || jsonb_build_object(
    'is_held', i.leased_until > clock_timestamp(),
    'users', (select coalesce(jsonb_object_agg(s.state, s.n), '{}') from (
      select u.state, count(*) as n from switchyard.import_users u where u.run_id = i.id group by 1) s),
    'elsewhere', (select count(*) from switchyard.import_users u where u.run_id = i.id and u.state = 'done' and not exists (
      select from public.user_database_assignments a where a.user_id = u.user_id and a.database_provider = u.home))
  ) order by i.id desc), '[]')
  from (select * from switchyard.imports where p_run is null or id = p_run order by id desc limit greatest(1, least(p_limit, 1000))) i
$$;

-- One page of a run's users in those states, by id; p_ids: only of these.
create function public.switchyard_import_users(
  p_run bigint, p_states text[], p_after_id uuid default null, p_limit integer default 1000, p_ids uuid[] default null
) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('user_id', u.user_id, 'state', u.state, 'home', u.home, 'version', u.version::text,
    'records', u.records, 'reason', u.reason) order by u.user_id), '[]')
  from (
    select * from switchyard.import_users
    where run_id = p_run and state = any (p_states) and (p_after_id is null or user_id > p_after_id)
      and (p_ids is null or user_id = any (p_ids))
    order by user_id limit greatest(1, least(p_limit, 1000))
  ) u
$$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.user_created()', 'switchyard.hold_import(bigint, uuid)'
]::regprocedure[]) f;
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_import_begin(uuid, bigint, text, jsonb, text, text, boolean)',
  'public.switchyard_import_look(jsonb, bigint)', 'public.switchyard_import_claim(bigint, uuid, jsonb)',
  'public.switchyard_import_settle(bigint, uuid, jsonb)', 'public.switchyard_import_end(bigint, uuid, text, jsonb)',
  'public.switchyard_imports(bigint, integer)', 'public.switchyard_import_users(bigint, text[], uuid, integer, uuid[])'
]::regprocedure[]) f;

notify pgrst, 'reload schema';
