-- plane: control
-- Every five seconds, where pg_cron is, the edge function `replicate` is woken, only while marks are pending: rows that were
-- written in the SQL editor are copied then, and those of the API, which wakes it itself, where that went wrong. Elsewhere
-- (plain Postgres, development) a loop calls the function. (pg_net is never called in a writer's transaction.)

-- Has somebody something to do?
create function public.switchyard_replication_pending() returns boolean
language sql volatile security definer set search_path = '' as $$
  select exists (select from switchyard.marks m where switchyard.is_free(m.leased_until))
    or exists (select from switchyard.replication_failures f where not f.is_dead and f.due_at <= clock_timestamp())
$$;
select switchyard.seal_function('public.switchyard_replication_pending()', '{service_role}');

-- Calls an edge function, where pg_net is and the functions' address and key are known.
create function switchyard.wake_function(p_name text) returns void
language plpgsql set search_path = '' as $$
declare
  v_url text := switchyard.setting('functions_url');
  v_key text := switchyard.setting('secret_key');
begin
  if v_url is null or v_key is null or to_regnamespace('net') is null then
    return;
  end if;
  execute 'select net.http_post(url := $1, headers := $2, body := $3, timeout_milliseconds := 30000)'
  using v_url || '/' || p_name, jsonb_build_object('content-type', 'application/json', 'apikey', v_key), '{}'::jsonb;
exception when others then
  raise warning 'switchyard: the function % was not called: %', p_name, sqlerrm;
end $$;

create or replace function switchyard.wake_purge() returns void
language plpgsql set search_path = '' as $$
begin
  perform switchyard.wake_function('purge');
end $$;

create function switchyard.replication_tick() returns void
language plpgsql set search_path = '' as $$
begin
  if (select is_on from switchyard.replication) and public.switchyard_replication_pending() then
    perform switchyard.wake_function('replicate');
  end if;
exception when others then
  raise warning 'switchyard: copies wait: %', sqlerrm;
end $$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.wake_function(text)', 'switchyard.wake_purge()', 'switchyard.replication_tick()'
]::regprocedure[]) f;

do $$
begin
  if to_regprocedure('cron.schedule(text, text, text)') is not null then
    perform cron.schedule('switchyard-replicate', '5 seconds', 'select switchyard.replication_tick()');
  end if;
exception when others then
  raise notice 'pg_cron is not there: %', sqlerrm;
end $$;
notify pgrst, 'reload schema';
