-- plane: control
-- The token function, as before (*_hooks.sql), but for one thing: an address that an SSO provider has given is not confirmed.
-- A provider may say of any of its accounts that it has any address, and ADMIN_EMAILS goes by confirmed addresses.

create or replace function public.custom_access_token_hook(event jsonb) returns jsonb
language plpgsql volatile security definer set search_path = '' set lock_timeout = '1800ms' as $$
declare
  v_claims jsonb := case when jsonb_typeof(event -> 'claims') = 'object' then event -> 'claims' else '{}' end;
  v_metadata jsonb := case when jsonb_typeof(v_claims -> 'app_metadata') = 'object' then v_claims -> 'app_metadata' else '{}' end;
  v_user_id uuid;
  v_home text;
  v_epoch integer;
  v_confirmed boolean;
begin
  -- whatever stands there was not written by this function
  v_metadata := v_metadata - '{home,home_epoch,email_confirmed}'::text[];
  begin
    v_user_id := event ->> 'user_id';
    select a.database_provider, a.epoch into v_home, v_epoch
    from public.user_database_assignments a where a.user_id = v_user_id;
    if v_home is null and v_user_id is not null then
      -- OAuth, id-token and anonymous sign-ups ask for the token inside the transaction that creates the user, before
      -- the deferred trigger has run: run it now. If it raises, it does so again at commit, and the sign-up is undone.
      set constraints auth.switchyard_assign_home immediate;
      select a.database_provider, a.epoch into v_home, v_epoch
      from public.user_database_assignments a where a.user_id = v_user_id;
    end if;
  exception when others or query_canceled then
    raise log '%', jsonb_build_object('event', 'token_without_home', 'user_id', v_user_id, 'sqlstate', sqlstate);
  end;
  begin
    select u.email_confirmed_at is not null and coalesce(u.email, '') <> '' and not u.is_sso_user into v_confirmed
    from auth.users u where u.id = v_user_id;
  exception when others or query_canceled then
    v_confirmed := false;
  end;
  if v_home is not null then
    v_metadata := v_metadata || jsonb_build_object('home', v_home, 'home_epoch', v_epoch);
  end if;
  v_metadata := v_metadata || jsonb_build_object('email_confirmed', coalesce(v_confirmed, false));
  return jsonb_build_object('claims', v_claims || jsonb_build_object('app_metadata', v_metadata));
end $$;
