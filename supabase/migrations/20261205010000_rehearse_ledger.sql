-- plane: control
-- What an operator's change of money, or of how far somebody is identified, would come to: the change itself is made, all
-- constraints and triggers have their say, what came of it is looked at, and everything is rolled back to where it began (a block
-- with a handler is a transaction within the transaction). Neither the books nor the history know of it, and what would be
-- refused is refused with the same words. A rehearsal that judged by itself would be right until the change is another one.
--
-- p_change      the function that would make it, as it is called below
-- p_parameters  what that function would be given
--
-- {"count", "result"}: how many it would change (accounts of users; a rate, a profile), 0 where it was so already; and what the
-- function would answer, of a rate {"rate", "before"}.
create function public.ledger_rehearse(p_change text, p_parameters jsonb) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  p constant jsonb := p_parameters;
  v_actor constant uuid := p ->> 'p_actor';
  v_id constant uuid := p ->> 'p_id';
  v_request constant text := p ->> 'p_request';
  v_was text;
  v_result jsonb;
  v_count bigint;
  v_seen text;
begin
  v_was := case
    when p_change = 'ledger_set_rate' then (
      select trim_scale(r.rate)::text from public.ledger_rates r where r.asset = p ->> 'p_asset' and r.to_asset = p ->> 'p_to_asset'
    )
    when p_change = 'private_profile_set_kyc' then public.private_profile((p ->> 'p_user_id')::uuid) ->> 'kyc_status'
    else (select t.status from public.ledger_transfers t where t.id = v_id)
  end;
  begin
    case p_change
      when 'ledger_deposit' then
        v_result := public.ledger_deposit(
          v_actor, v_id, (p ->> 'p_account')::uuid, p ->> 'p_amount', p ->> 'p_description', nullif(p -> 'p_chain', 'null'),
          p ->> 'p_hash', v_request
        );
      when 'ledger_yield' then
        v_result := public.ledger_yield(
          v_actor, v_id, p ->> 'p_asset', p ->> 'p_amount', p ->> 'p_description', p ->> 'p_hash', v_request
        );
      when 'ledger_set_rate' then
        perform public.ledger_set_rate(v_actor, p ->> 'p_asset', p ->> 'p_to_asset', p ->> 'p_rate', v_request);
        select jsonb_build_object('rate', trim_scale(r.rate)::text, 'before', v_was) into v_result
        from public.ledger_rates r where r.asset = p ->> 'p_asset' and r.to_asset = p ->> 'p_to_asset';
      when 'ledger_post' then
        v_result := public.ledger_post(v_actor, v_id, nullif(p -> 'p_chain', 'null'), v_request);
      when 'ledger_void' then
        v_result := public.ledger_void(v_actor, v_id, (p ->> 'p_as_operator')::boolean, v_request);
      when 'ledger_reverse' then
        v_result := public.ledger_reverse(
          v_actor, v_id, (p ->> 'p_transfer')::uuid, p ->> 'p_description', p ->> 'p_hash', v_request
        );
      when 'private_profile_set_kyc' then
        v_result := public.private_profile_set_kyc((p ->> 'p_user_id')::uuid, p ->> 'p_status', v_actor, v_request);
    end case;
    set constraints all immediate;
    v_count := case
      when p_change = 'ledger_set_rate' then (v_result ->> 'rate' is distinct from v_was)::integer
      when p_change = 'private_profile_set_kyc' then (v_result ->> 'kyc_status' <> v_was)::integer
      -- it was made, or settled, before
      when v_was is not null and v_was <> 'pending' then 0
      when p_change = 'ledger_void' then 1
      else (
        select count(*) from public.ledger_entries e join public.ledger_accounts a on a.id = e.account_id
        where e.transfer_id = v_id and a.kind = 'user'
      )
    end;
    raise exception using errcode = 'SY099',
      message = jsonb_build_object('count', v_count, 'result', v_result)::text;
  exception when sqlstate 'SY099' then
    get stacked diagnostics v_seen = message_text;
  end;
  return v_seen::jsonb;
end
$$;
select switchyard.seal_function('public.ledger_rehearse(text, jsonb)', '{service_role}');

notify pgrst, 'reload schema';
