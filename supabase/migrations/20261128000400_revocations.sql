-- What ends access before a token does: a ban, a deletion, a session that was signed out. A token that is out in the world says
-- nothing of these, so whoever lets it in looks here: row-level security at once, the API's instances within 30 s (they read
-- the list, public.switchyard_list_user_changes).
--
-- The table is in every Postgres, so that is_home and is_here are one text everywhere; it is filled where the accounts are, in
-- the control plane. Other Postgres homes are reached through the API alone, which refuses before it asks them.
--
-- session_id   the tokens of that session; null: the user's own entry, of which there is one for each reason
-- not_before   tokens without a session in them that were made before; null: all of the user's. (Auth's own tokens have a
--              session, whose entry is exact. A time is not: tokens say whole seconds by another machine's clock, and whoever
--              signs in again within the second of a sign-out would be kept out for an hour.)
-- until        when a ban is over; null: not by itself
-- is_lifted    a ban or a deletion that was taken back. The row stays, so that instances hear of it
-- changed_xid  the transaction that wrote it: what an instance has not seen yet. Numbers and times are given out before the
--              commit, so one who has read "all until now" by these would never hear of what commits late

create table switchyard.revocations (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  session_id uuid,
  reason text not null check (reason in ('banned', 'deleted', 'signed_out')),
  not_before timestamptz,
  until timestamptz,
  is_lifted boolean not null default false,
  changed_at timestamptz not null default clock_timestamp(),
  changed_xid xid8 not null default pg_current_xact_id()
);
create unique index revocations_session on switchyard.revocations (session_id) where session_id is not null;
create unique index revocations_user on switchyard.revocations (user_id, reason) where session_id is null;
create index revocations_by_user on switchyard.revocations (user_id);
create index revocations_changed on switchyard.revocations (changed_xid, id);
alter table switchyard.revocations enable row level security;
do $$
declare
  v_role text;
begin
  revoke all on switchyard.revocations from public;
  for v_role in select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
    execute format('revoke all on switchyard.revocations from %I', v_role);
  end loop;
end $$;

-- True, or PT401 (a 401 to PostgREST): an empty answer would look like lost data. p_claims are the caller's.
create function switchyard.refuse_revoked(p_user_id uuid, p_claims jsonb) returns boolean
language plpgsql stable parallel safe set search_path = '' as $$
begin
  if exists (
    select from switchyard.revocations r
    where r.user_id = p_user_id and not r.is_lifted and (r.until is null or r.until > clock_timestamp())
      and case
        when r.session_id is not null then r.session_id::text = p_claims ->> 'session_id'
        when r.not_before is not null then
          p_claims ->> 'session_id' is null
          and to_timestamp(case when jsonb_typeof(p_claims -> 'iat') = 'number' then (p_claims ->> 'iat')::float8 else 0 end)
            < r.not_before
        else true
      end
  ) then
    raise exception 'This session has ended, or its account is banned or deleted.'
      using errcode = 'PT401', hint = 'Sign in again.';
  end if;
  return true;
end $$;
select switchyard.seal_function('switchyard.refuse_revoked(uuid, jsonb)');

-- As before (see *_home.sql), and whose access has ended is refused, wherever their home is. Once in a statement, like the
-- rest: the policies ask for it in a select of its own.
create or replace function switchyard.is_home(p_writing boolean) returns boolean
language plpgsql stable parallel safe security definer set search_path = '' as $$
declare
  v_claims jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  v_token jsonb := v_claims -> 'app_metadata';
  v_epoch numeric := case when jsonb_typeof(v_token -> 'home_epoch') = 'number' then (v_token ->> 'home_epoch')::numeric end;
  v_self record;
begin
  -- A look at an index, which makes 42 us of the 33 that it was without; the function is called only for those who have entries.
  -- (With the user in a variable, Postgres plans it anew for each call: 280 us.)
  select s.name, s.is_control, a.database_provider as home, a.epoch, a.state,
    exists (select from switchyard.revocations r where r.user_id = auth.uid()) as has_entries into v_self
  from switchyard.self s left join public.user_database_assignments a on a.user_id = auth.uid();
  if v_self.has_entries then
    perform switchyard.refuse_revoked(auth.uid(), v_claims);
  end if;
  if v_self.home is null or (not v_self.is_control and v_epoch > v_self.epoch) then
    -- in the control plane, who has no row has no home
    return coalesce(not v_self.is_control and v_token ->> 'home' = v_self.name, false);
  elsif v_self.home = v_self.name then
    if p_writing and v_self.state = 'moving' then
      raise exception 'Your data is being moved to another database. Try again in a moment.' using errcode = 'PT503';
    end if;
    return true;
  elsif v_token ->> 'home' = v_self.name then
    raise exception 'Your data has moved to another database since this session''s token was made.'
      using errcode = 'PT421', hint = 'Refresh the session and try again.';
  end if;
  return false;
end $$;

create or replace function switchyard.is_here(p_database text) returns boolean
language plpgsql stable parallel safe security definer set search_path = '' as $$
declare
  v_claims jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  v_self record;
begin
  select s.name, s.is_control, exists (select from switchyard.revocations r where r.user_id = auth.uid()) as has_entries
  into v_self from switchyard.self s;
  if v_self.has_entries then
    perform switchyard.refuse_revoked(auth.uid(), v_claims);
  end if;
  return v_self.name = p_database and (v_self.is_control or v_claims -> 'app_metadata' ->> 'home' is not null);
end $$;
