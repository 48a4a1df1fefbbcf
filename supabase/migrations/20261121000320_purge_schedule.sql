-- plane: control
-- Every ten seconds, where pg_cron is: Postgres's own purges are worked off here, and the edge function `purge` is woken
-- for those of other databases, only while some are due. Elsewhere (plain Postgres, development) a loop calls the function.

-- The vault first: the secret key is better kept there.
create function switchyard.setting(p_key text) returns text
language plpgsql set search_path = '' as $$
declare
  v_value text;
begin
  if to_regclass('vault.decrypted_secrets') is not null then
    execute 'select decrypted_secret from vault.decrypted_secrets where name = $1' into v_value using 'switchyard_' || p_key;
  end if;
  return coalesce(v_value, (select value from switchyard.settings where key = p_key));
end $$;

create function switchyard.purge_here() returns void
language plpgsql set search_path = '' as $$
declare
  v_task record;
  v_deleted integer;
  v_left integer := 20000;
begin
  for v_task in select id, user_id from public.switchyard_purge_claim('supabase', 100) loop
    begin
      loop
        v_deleted := public.switchyard_purge_supabase(v_task.user_id, 1000);
        v_left := v_left - v_deleted;
        exit when v_deleted = 0 or v_left <= 0;
      end loop;
      if v_deleted = 0 then
        perform public.switchyard_purge_done(v_task.id);
      else
        perform public.switchyard_purge_failed(v_task.id, 'more is left');
      end if;
    exception when others then
      perform public.switchyard_purge_failed(v_task.id, sqlerrm);
    end;
  end loop;
end $$;

-- Calls the edge function `purge`, where pg_net is and the function's address and key are known.
create function switchyard.wake_purge() returns void
language plpgsql set search_path = '' as $$
declare
  v_url text := switchyard.setting('functions_url');
  v_key text := switchyard.setting('secret_key');
begin
  if v_url is null or v_key is null or to_regnamespace('net') is null then
    return;
  end if;
  execute 'select net.http_post(url := $1, headers := $2, body := $3, timeout_milliseconds := 30000)'
  using v_url || '/purge', jsonb_build_object('content-type', 'application/json', 'apikey', v_key), '{}'::jsonb;
exception when others then
  raise warning 'switchyard: the purge function was not called: %', sqlerrm;
end $$;

create function switchyard.purge_tick() returns void
language plpgsql set search_path = '' as $$
begin
  if switchyard.purge_pending() then
    perform switchyard.purge_here();
  end if;
  if switchyard.purge_pending() then
    perform switchyard.wake_purge();
  end if;
exception when others then
  raise warning 'switchyard: purges wait: %', sqlerrm;
end $$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.setting(text)', 'switchyard.purge_here()', 'switchyard.wake_purge()', 'switchyard.purge_tick()'
]::regprocedure[]) f;

-- Creating an extension may be refused although it is listed.
do $$
begin
  if exists (select from pg_available_extensions where name = 'pg_net') then
    create extension if not exists pg_net;
  end if;
exception when others then
  raise notice 'pg_net is not there: %', sqlerrm;
end $$;
do $$
begin
  if exists (select from pg_available_extensions where name = 'pg_cron') then
    create extension if not exists pg_cron;
  end if;
  if to_regprocedure('cron.schedule(text, text, text)') is not null then
    perform cron.schedule('switchyard-purge', '10 seconds', 'select switchyard.purge_tick()');
    perform cron.schedule('switchyard-purge-trim', '41 4 * * *',
      $job$select public.switchyard_purge_trim(); delete from cron.job_run_details where end_time < now() - interval '1 day'$job$);
  end if;
exception when others then
  raise notice 'pg_cron is not there: %', sqlerrm;
end $$;
