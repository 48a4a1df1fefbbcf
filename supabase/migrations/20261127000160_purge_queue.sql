-- plane: control
-- Purges as tasks: queue `purge`, subject the deleted user, payload {"purge": <id in switchyard.purges>, "run": 1 or 2}. The
-- deletions themselves stay in switchyard.purges.

create or replace function switchyard.queue_purges(p_users uuid[]) returns void
language plpgsql set search_path = '' as $$
begin
  with queued as (
    insert into switchyard.purges (user_id, home)
    select u, a.database_provider
    from unnest(p_users) u left join public.user_database_assignments a on a.user_id = u
    returning id, user_id, home, deleted_at
  )
  insert into switchyard.tasks (queue, database, subject, payload, due_at)
  select 'purge', d.name, q.user_id, jsonb_build_object('purge', q.id, 'run', r.run),
    q.deleted_at + case r.run when 2 then switchyard.token_lifetime() else '0' end
  from queued q
  cross join switchyard.databases d
  cross join (values (1), (2)) r (run)
  -- a database that never took users holds nothing of theirs
  where d.opened_at is not null or d.name = q.home;
end $$;

-- A user who is there again (restored, or made anew with the same id) must not lose what they write from now on. Here and
-- not in a trigger of its own, which every sign-up would wait for.
create or replace function switchyard.assignment_added() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update switchyard.databases set user_count = user_count + 1 where name = new.database_provider;
  delete from switchyard.purges where user_id = new.user_id;
  if found then
    delete from switchyard.tasks where subject = new.user_id and queue = 'purge';
  end if;
  return null;
end $$;

create or replace function public.switchyard_set_token_lifetime(p_seconds integer) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_before interval := switchyard.token_lifetime();
begin
  insert into switchyard.settings as s (key, value) values ('max_token_lifetime_seconds', p_seconds)
  on conflict (key) do update set value = excluded.value where s.value <> excluded.value;
  if switchyard.token_lifetime() <> v_before then
    update switchyard.tasks t set due_at = p.deleted_at + switchyard.token_lifetime()
    from switchyard.purges p
    where t.queue = 'purge' and t.done_at is null and t.payload @> '{"run": 2}' and p.id = (t.payload ->> 'purge')::bigint;
  end if;
end $$;

-- Forgets deletions a month after their last task, with their tasks and those users' history; and whatever else was done a
-- month ago.
create or replace function public.switchyard_purge_trim() returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_users uuid[];
begin
  with old as (
    select p.id from switchyard.purges p
    where p.deleted_at < now() - interval '30 days'
      and not exists (
        select from switchyard.tasks t where t.subject = p.user_id and t.queue = 'purge' and t.done_at is null
      )
    order by p.deleted_at limit 1000
  ), forgotten as (
    delete from switchyard.purges p using old where p.id = old.id returning p.user_id
  )
  select array_agg(user_id) into v_users from forgotten;
  delete from switchyard.assignment_history h
  where h.user_id = any (v_users) and h.at < now() - interval '30 days'
    and not exists (select from auth.users u where u.id = h.user_id and u.deleted_at is null);
  delete from switchyard.tasks
  where id in (select id from switchyard.tasks where done_at < now() - interval '30 days' limit 10000);
end $$;

-- Runs where pg_cron is, for this very database.
create or replace function switchyard.purge_here() returns void
language plpgsql set search_path = '' as $$
declare
  v_task record;
  v_deleted integer;
  v_left integer := 20000;
begin
  for v_task in
    select t.id, t.subject, t.attempts from switchyard.self s, public.switchyard_claim_tasks('purge', s.name, 100) t
  loop
    begin
      loop
        v_deleted := public.switchyard_purge_records(v_task.subject, 1000);
        v_left := v_left - v_deleted;
        exit when v_deleted = 0 or v_left <= 0;
      end loop;
      if v_deleted = 0 then
        perform public.switchyard_finish_task(v_task.id, v_task.attempts);
      else
        perform public.switchyard_fail_task(v_task.id, v_task.attempts, 'more is left');
      end if;
    exception when others then
      perform public.switchyard_fail_task(v_task.id, v_task.attempts, sqlerrm);
    end;
  end loop;
end $$;

-- Only while something is due: a function that is called every ten seconds for nothing takes half of a free month's calls.
-- What no worker can reach is pushed away by the one that finds that out (switchyard_postpone_tasks).
create or replace function switchyard.purge_tick() returns void
language plpgsql set search_path = '' as $$
begin
  if public.switchyard_due_databases('purge') && array(select name from switchyard.self) then
    perform switchyard.purge_here();
  end if;
  if public.switchyard_due_databases('purge') <> '{}' then
    perform switchyard.wake_purge();
  end if;
exception when others then
  raise warning 'switchyard: purges wait: %', sqlerrm;
end $$;

-- What waits is carried over, and what is done, too: second runs follow a change of the tokens' lifetime. Last, when nothing
-- adds to the old table any more, and in one statement, because a push runs each in a transaction of its own: whoever is
-- deleting a user by the old function is waited for, or that user's records would never be purged.
do $$
begin
  lock table switchyard.purge_tasks in access exclusive mode;
  insert into switchyard.tasks (queue, database, subject, payload, created_at, due_at, leased_until, attempts, last_error, done_at)
  select 'purge', t.database, p.user_id, jsonb_build_object('purge', p.id, 'run', t.run), p.deleted_at, t.due_at,
    t.leased_until, t.attempts, t.last_error, t.done_at
  from switchyard.purge_tasks t join switchyard.purges p on p.id = t.purge_id
  order by t.id;
  drop table switchyard.purge_tasks;
end $$;
drop function switchyard.purge_pending(text);
drop function public.switchyard_purge_claim(text, integer, integer);
drop function public.switchyard_purge_done(bigint);
drop function public.switchyard_purge_failed(bigint, text);
