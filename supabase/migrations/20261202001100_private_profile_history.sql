-- plane: control
-- Who changed what of a private profile, when, in which request, and how it was before and after: in the ledger's audit
-- trail, which nobody changes. Like all that stands there it is about a pseudonym, which leads to nobody once the user is
-- deleted; the statuses and addresses themselves stay, as an audit has to find them.

create function switchyard.private_profile_remember() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid := case when tg_op = 'DELETE' then old.user_id else new.user_id end;
  v_owner uuid;
begin
  if tg_op = 'UPDATE' and new.user_id <> old.user_id then
    raise exception 'A private profile is one user''s for good.' using errcode = 'insufficient_privilege';
  end if;
  insert into public.ledger_owners (user_id) values (v_user) on conflict (user_id) do nothing;
  select id into v_owner from public.ledger_owners where user_id = v_user;
  insert into public.ledger_history (actor, db_role, request_id, subject, subject_id, action, before, after)
  values (
    nullif(current_setting('switchyard.ledger_actor', true), '')::uuid, session_user,
    nullif(current_setting('switchyard.ledger_request', true), ''), tg_table_name, v_owner::text, lower(tg_op),
    case when tg_op <> 'INSERT' then to_jsonb(old) - 'user_id' end, case when tg_op <> 'DELETE' then to_jsonb(new) - 'user_id' end
  );
  return null;
end
$$;
create trigger ledger_remember after insert or update or delete on public.private_profiles
  for each row execute function switchyard.private_profile_remember();
create trigger ledger_final before truncate on public.private_profiles
  for each statement execute function switchyard.ledger_refuse();
alter table public.private_profiles enable always trigger ledger_remember;
alter table public.private_profiles enable always trigger ledger_final;

-- What was there before there was a trail begins it.
insert into public.ledger_owners (user_id) select user_id from public.private_profiles on conflict (user_id) do nothing;
insert into public.ledger_history (request_id, subject, subject_id, action, after)
select 'migration', 'private_profiles', o.id::text, 'insert', to_jsonb(p) - 'user_id'
from public.private_profiles p join public.ledger_owners o using (user_id);

drop function public.private_profile_set_wallet(uuid, text);
drop function public.private_profile_set_kyc(uuid, text);

-- The wallet is the user's to name, or to name no more.
create function public.private_profile_set_wallet(p_user_id uuid, p_wallet_address text, p_request text default null) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform public.private_profile(p_user_id);
  if p_wallet_address !~ '^[A-Za-z0-9:]{1,128}$' then
    raise exception 'A wallet address has 1 to 128 letters, digits and colons.' using errcode = 'invalid_parameter_value';
  end if;
  perform switchyard.ledger_act(p_user_id, p_request);
  insert into public.private_profiles as p (user_id, wallet_address) values (p_user_id, p_wallet_address)
  on conflict (user_id) do update set wallet_address = excluded.wallet_address, updated_at = clock_timestamp();
  return public.private_profile(p_user_id);
end
$$;

-- The status is the operator's. p_actor: which admin; null: with the secret key.
create function public.private_profile_set_kyc(
  p_user_id uuid, p_status text, p_actor uuid default null, p_request text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform public.private_profile(p_user_id);
  if p_status is null or p_status not in ('none', 'pending', 'verified', 'rejected') then
    raise exception 'The status is none, pending, verified or rejected.' using errcode = 'invalid_parameter_value';
  end if;
  perform switchyard.ledger_act(p_actor, p_request);
  insert into public.private_profiles as p (user_id, kyc_status) values (p_user_id, p_status)
  on conflict (user_id) do update set kyc_status = excluded.kyc_status, updated_at = clock_timestamp();
  return public.private_profile(p_user_id);
end
$$;

-- As before, but the profile goes while its pseudonym still says whose it was.
create or replace function switchyard.ledger_user_leaves() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform switchyard.ledger_close_all(old.id);
  delete from public.private_profiles where user_id = old.id;
  update public.ledger_owners set user_id = null where user_id = old.id;
  return case tg_op when 'DELETE' then old else new end;
end
$$;

select switchyard.seal_function('switchyard.private_profile_remember()');
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.private_profile_set_wallet(uuid, text, text)', 'public.private_profile_set_kyc(uuid, text, uuid, text)'
]::regprocedure[]) f;
notify pgrst, 'reload schema';
