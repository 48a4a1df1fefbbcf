-- plane: control
-- Work that is to be done in some database, and must be done although workers die and databases are away: one queue for all
-- kinds of it.
--
-- task     one piece of work for one database. `queue` is its kind, `subject` whom it is about, `payload` the rest.
-- lease    a worker claims a task for some seconds. (id, attempts) is its token: attempts goes up with each claim, so a worker
--          that was too slow can tell by it that another one has the task now, and changes nothing.
-- due      when it may be claimed. A task that fails is due again, as long as it fails.
--
-- free -> leased (claim) -> done (finish), or free again, due later (fail, or the lease is over).

create table switchyard.tasks (
  id bigint generated always as identity primary key,
  queue text not null check (queue ~ '^[a-z][a-z0-9_]{0,40}$'),
  database text not null,
  subject uuid,
  payload jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  due_at timestamptz not null default clock_timestamp(),
  -- null: free
  leased_until timestamptz,
  attempts integer not null default 0,
  last_error text,
  done_at timestamptz
);
create index tasks_due on switchyard.tasks (queue, database, due_at, id) where done_at is null;
create index tasks_subject on switchyard.tasks (subject, queue);
create index tasks_done on switchyard.tasks (done_at) where done_at is not null;
alter table switchyard.tasks enable row level security;

-- Could somebody claim it now? Postgres writes this into the queries that use it, where the time of the statement, and not of
-- the clock, lets it stop in the index before all those that are due in an hour.
create function switchyard.is_due(p_task switchyard.tasks) returns boolean
language sql volatile as $$
  select p_task.done_at is null and p_task.due_at <= statement_timestamp()
    and (p_task.leased_until is null or p_task.leased_until < clock_timestamp())
$$;

-- The databases that have tasks to be claimed now. (Looked for by database: of the many that may be due in each, the first
-- is enough.)
create function public.switchyard_due_databases(p_queue text) returns text[]
language sql volatile security definer set search_path = '' as $$
  select coalesce(array_agg(d.name order by d.name), '{}') from switchyard.databases d
  where exists (
    select from switchyard.tasks t where t.queue = p_queue and t.database = d.name and switchyard.is_due(t)
  )
$$;

-- Hands out tasks that are due, each to one worker at a time, the longest due first. A worker that dies loses them when the
-- lease is over.
create function public.switchyard_claim_tasks(
  p_queue text, p_database text, p_limit integer default 20, p_lease_seconds integer default 15
) returns table (id bigint, subject uuid, payload jsonb, attempts integer)
language sql volatile security definer set search_path = '' as $$
  with due as (
    select t.id from switchyard.tasks t
    where t.queue = p_queue and t.database = p_database and switchyard.is_due(t)
    order by t.due_at, t.id
    limit greatest(1, least(p_limit, 1000))
    for update skip locked
  ), claimed as (
    update switchyard.tasks t
    set leased_until = clock_timestamp() + make_interval(secs => greatest(1, least(p_lease_seconds, 3600))),
      attempts = t.attempts + 1
    from due where t.id = due.id
    returning t.id, t.subject, t.payload, t.attempts, t.due_at
  )
  select c.id, c.subject, c.payload, c.attempts from claimed c order by c.due_at, c.id
$$;

-- False, and nothing is changed: the lease is another worker's by now, or has been given back.
create function public.switchyard_finish_task(p_id bigint, p_attempts integer) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  update switchyard.tasks set done_at = clock_timestamp(), leased_until = null, last_error = null
  where id = p_id and attempts = p_attempts and leased_until is not null;
  return found;
end $$;

-- Tried again soon, however often it has failed, unless p_retry_seconds says when: a database that is back is to get its work
-- within half a minute.
create function public.switchyard_fail_task(
  p_id bigint, p_attempts integer, p_error text, p_retry_seconds numeric default null
) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  update switchyard.tasks
  set leased_until = null, last_error = left(p_error, 500), due_at = clock_timestamp() + make_interval(secs =>
    case when p_retry_seconds is null then least(10, 2 ^ least(attempts, 10)) else greatest(0, least(p_retry_seconds, 2592000)) end)
  where id = p_id and attempts = p_attempts and leased_until is not null;
  return found;
end $$;

-- Pushes all that is due in a database away, for whoever cannot reach that one: failed one by one, ten thousand tasks would
-- take ten thousand calls. Leased ones are another worker's, who can. Answers how many there were.
create function public.switchyard_postpone_tasks(
  p_queue text, p_database text, p_error text, p_retry_seconds numeric default 900
) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  v_count integer;
begin
  with due as (
    select t.id from switchyard.tasks t
    where t.queue = p_queue and t.database = p_database and switchyard.is_due(t)
    for update skip locked
  )
  update switchyard.tasks t
  set last_error = left(p_error, 500),
    due_at = clock_timestamp() + make_interval(secs => greatest(1, least(coalesce(p_retry_seconds, 900), 2592000)))
  from due where t.id = due.id;
  get diagnostics v_count = row_count;
  return v_count;
end $$;

select switchyard.seal_function('switchyard.is_due(switchyard.tasks)'::regprocedure);
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_due_databases(text)', 'public.switchyard_claim_tasks(text, text, integer, integer)',
  'public.switchyard_finish_task(bigint, integer)', 'public.switchyard_fail_task(bigint, integer, text, numeric)',
  'public.switchyard_postpone_tasks(text, text, text, numeric)'
]::regprocedure[]) f;
