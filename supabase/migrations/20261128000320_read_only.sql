-- A health probe also hears whether this Postgres takes writes: Supabase makes a full project read-only, and an address may
-- lead to a standby.

create or replace function public.switchyard_health() returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_self switchyard.self;
  v_can_place boolean;
begin
  select * into v_self from switchyard.self;
  if v_self.is_control then
    v_can_place := public.switchyard_can_place();
  end if;
  return jsonb_build_object('id', v_self.id, 'name', v_self.name, 'site', v_self.site, 'revision', v_self.revision,
    'oldest_code', v_self.oldest_code, 'can_place', v_can_place,
    -- the transaction's own is what PostgREST or a driver has asked for
    'read_only', current_setting('default_transaction_read_only')::boolean, 'is_standby', pg_is_in_recovery());
end $$;
