-- plane: control
-- A deposit that is made and undone within one call, for `switchyard doctor`: an account is opened, money comes in, all
-- constraints and triggers have their say, and what was written is looked at. Then everything is rolled back to where it began
-- (a block with a handler is a transaction within the transaction), so that neither the books nor the history know of it.
create function public.switchyard_rehearse_deposit(p_user_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_transfer uuid := gen_random_uuid();
  v_account uuid;
  v_seen text;
begin
  begin
    v_account := (public.ledger_open_account(p_user_id, 'EUR') -> 'account' ->> 'id')::uuid;
    perform public.ledger_deposit(null, v_transfer, v_account, '12.34');
    set constraints all immediate;
    select jsonb_build_object(
      'posted', (select a.posted::text from public.ledger_accounts a where a.id = v_account),
      'entries', (select count(*) from public.ledger_entries e where e.transfer_id = v_transfer),
      'sum', (select sum(e.amount)::text from public.ledger_entries e where e.transfer_id = v_transfer)
    )::text into v_seen;
    raise exception using errcode = 'SY099', message = v_seen;
  exception when sqlstate 'SY099' then
    get stacked diagnostics v_seen = message_text;
  end;
  return v_seen::jsonb || jsonb_build_object('left', (
    select count(*) from public.ledger_accounts a where a.id = v_account
  ) + (
    select count(*) from public.ledger_transfers t where t.id = v_transfer
  ));
end $$;
select switchyard.seal_function('public.switchyard_rehearse_deposit(uuid)', '{service_role}');

notify pgrst, 'reload schema';
