-- plane: control
-- What nobody but a user and the operator may know of them, apart from the public `profiles`; and what their deletion means
-- to the ledger.

create table public.private_profiles (
  user_id uuid primary key references auth.users on delete cascade,
  kyc_status text not null default 'none' check (kyc_status in ('none', 'pending', 'verified', 'rejected')),
  wallet_address text check (wallet_address ~ '^[A-Za-z0-9:]{1,128}$'),
  updated_at timestamptz(3) not null default clock_timestamp()
);
alter table public.private_profiles enable row level security;
create policy private_profiles_select on public.private_profiles for select to authenticated using (user_id = (select auth.uid()));
revoke all on public.private_profiles from public, anon, authenticated, service_role;
grant select on public.private_profiles to authenticated, service_role;

-- {"user_id", "kyc_status", "wallet_address", "updated_at"}; who has no row yet has the defaults.
create function public.private_profile(p_user_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_found public.private_profiles;
begin
  select * into v_found from public.private_profiles where user_id = p_user_id;
  if not found then
    if not exists (select from auth.users where id = p_user_id and deleted_at is null) then
      raise exception 'There is no such user.' using errcode = 'PT404';
    end if;
    return jsonb_build_object('user_id', p_user_id, 'kyc_status', 'none', 'wallet_address', null, 'updated_at', null);
  end if;
  return to_jsonb(v_found);
end
$$;

-- The wallet is the user's to name, or to name no more.
create function public.private_profile_set_wallet(p_user_id uuid, p_wallet_address text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform public.private_profile(p_user_id);
  if p_wallet_address !~ '^[A-Za-z0-9:]{1,128}$' then
    raise exception 'A wallet address has 1 to 128 letters, digits and colons.' using errcode = 'invalid_parameter_value';
  end if;
  insert into public.private_profiles as p (user_id, wallet_address) values (p_user_id, p_wallet_address)
  on conflict (user_id) do update set wallet_address = excluded.wallet_address, updated_at = clock_timestamp();
  return public.private_profile(p_user_id);
end
$$;

-- The status is the operator's.
create function public.private_profile_set_kyc(p_user_id uuid, p_status text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform public.private_profile(p_user_id);
  if p_status is null or p_status not in ('none', 'pending', 'verified', 'rejected') then
    raise exception 'The status is none, pending, verified or rejected.' using errcode = 'invalid_parameter_value';
  end if;
  insert into public.private_profiles as p (user_id, kyc_status) values (p_user_id, p_status)
  on conflict (user_id) do update set kyc_status = excluded.kyc_status, updated_at = clock_timestamp();
  return public.private_profile(p_user_id);
end
$$;

-- SY425 while something is in an account of theirs, or held; then their accounts are closed, for good.
create function switchyard.ledger_close_all(p_user_id uuid) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_accounts uuid[];
begin
  select array_agg(a.id) into v_accounts from public.ledger_owners o join public.ledger_accounts a on a.owner_id = o.id
  where o.user_id = p_user_id and a.closed_at is null;
  if v_accounts is null then
    return;
  end if;
  perform from public.ledger_accounts a where a.id = any (v_accounts) order by a.id for update;
  perform switchyard.ledger_void_over(v_accounts);
  if exists (select from public.ledger_accounts a where a.id = any (v_accounts) and (a.posted > 0 or a.held > 0)) then
    raise exception 'There is money in an account of this user, or held. Move it away first.' using errcode = 'SY425';
  end if;
  update public.ledger_accounts a set closed_at = clock_timestamp() where a.id = any (v_accounts) and a.closed_at is null;
end
$$;

-- What the API asks before it has Auth delete the user, whose answer to a refusal names no reason.
create function public.ledger_may_leave(p_user_id uuid) returns void
language plpgsql volatile security definer set search_path = '' as $$
begin
  if exists (
    select from public.ledger_owners o join public.ledger_accounts a on a.owner_id = o.id
    where o.user_id = p_user_id and (a.posted > 0 or exists (
      select from public.ledger_transfers t
      where t.from_account = a.id and t.status = 'pending' and t.expires_at > clock_timestamp()
    ))
  ) then
    raise exception 'There is money in an account of this user, or held. Move it away first.' using errcode = 'SY425';
  end if;
end
$$;

-- Whoever deletes a user, and however. Their pseudonym stays in the books, and leads to nobody.
create function switchyard.ledger_user_leaves() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform switchyard.ledger_close_all(old.id);
  update public.ledger_owners set user_id = null where user_id = old.id;
  delete from public.private_profiles where user_id = old.id;
  return case tg_op when 'DELETE' then old else new end;
end
$$;
create trigger switchyard_ledger_deleted before delete on auth.users
  for each row execute function switchyard.ledger_user_leaves();
create trigger switchyard_ledger_soft_deleted before update of deleted_at on auth.users
  for each row when (old.deleted_at is null and new.deleted_at is not null)
  execute function switchyard.ledger_user_leaves();

select switchyard.seal_function(f) from unnest('{switchyard.ledger_close_all(uuid), switchyard.ledger_user_leaves()}'::regprocedure[]) f;
select switchyard.seal_function(p.oid::regprocedure, '{service_role}')
from pg_catalog.pg_proc p where p.pronamespace = 'public'::regnamespace
  and (p.proname like 'private\_profile%' or p.proname = 'ledger_may_leave');
notify pgrst, 'reload schema';
