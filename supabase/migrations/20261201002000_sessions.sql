-- plane: control
-- Who is signed in where. The truth is auth.sessions; beside it stands when and from where each session was last used, which
-- Auth does not know between two refreshes. Signing out deletes Auth's row, so that it refreshes no more; the trigger on it
-- (switchyard.sessions_ended) refuses the tokens that are out, over REST at once.

create table switchyard.session_uses (
  session_id uuid primary key,
  user_id uuid not null references auth.users on delete cascade,
  address inet,
  user_agent text check (length(user_agent) <= 500),
  used_at timestamptz not null
);
create index session_uses_user on switchyard.session_uses (user_id);
create index session_uses_used on switchyard.session_uses (used_at);
alter table switchyard.session_uses enable row level security;
do $$
declare
  v_role text;
begin
  revoke all on switchyard.session_uses from public;
  for v_role in select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
    execute format('revoke all on switchyard.session_uses from %I', v_role);
  end loop;
end $$;

-- Notes a use; once a minute at most, whoever calls how often. An address that is none is left out.
create function public.switchyard_session_used(p_user_id uuid, p_session_id uuid, p_address text, p_user_agent text)
returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_address inet;
begin
  begin
    v_address := p_address;
  exception when invalid_text_representation then
    v_address := null;
  end;
  insert into switchyard.session_uses as u (session_id, user_id, address, user_agent, used_at)
  select s.id, s.user_id, v_address, left(p_user_agent, 500), clock_timestamp()
  from auth.sessions s where s.id = p_session_id and s.user_id = p_user_id
  on conflict (session_id) do update
  set address = excluded.address, user_agent = excluded.user_agent, used_at = excluded.used_at
  where u.used_at < excluded.used_at - interval '1 minute';
end $$;
select switchyard.seal_function('public.switchyard_session_used(uuid, uuid, text, text)', '{service_role}');

-- [{id, created_at, used_at, address, user_agent}], the last used first. By JSON: what columns Auth has besides is its own. In
-- plpgsql, which asks for Auth's table when it is called: a database may be migrated before Auth has made it.
create function public.switchyard_list_sessions(p_user_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select coalesce(jsonb_agg(to_jsonb(f) order by f.used_at desc, f.id), '[]')
    from (
      select s.id, s.created_at,
        -- Auth writes the time of a refresh without a zone, in UTC
        greatest(u.used_at, s.created_at, (to_jsonb(s) ->> 'refreshed_at')::timestamp at time zone 'UTC') as used_at,
        coalesce(host(u.address), split_part(to_jsonb(s) ->> 'ip', '/', 1)) as address,
        coalesce(u.user_agent, to_jsonb(s) ->> 'user_agent') as user_agent
      from auth.sessions s left join switchyard.session_uses u on u.session_id = s.id
      where s.user_id = p_user_id
        and coalesce((to_jsonb(s) ->> 'not_after')::timestamptz > now(), true)
      order by 3 desc limit 1000
    ) f
  );
end $$;
select switchyard.seal_function('public.switchyard_list_sessions(uuid)', '{service_role}');

-- Signs out of that session, or of all but p_keep; the ids of those that have ended, now or lately, so that a call whose
-- answer was lost can be repeated.
create function public.switchyard_end_sessions(p_user_id uuid, p_session_id uuid, p_keep uuid) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  with gone as (
    delete from auth.sessions s
    where s.user_id = p_user_id
      and case when p_session_id is null then s.id is distinct from p_keep else s.id = p_session_id end
    returning s.id, s.user_id
  )
  -- the trigger does so, too, where a project lets it be there
  insert into switchyard.revocations (user_id, session_id, reason)
  select g.user_id, g.id, 'signed_out' from gone g
  on conflict (session_id) where session_id is not null do nothing;
  delete from switchyard.session_uses u
  where u.user_id = p_user_id and not exists (select from auth.sessions s where s.id = u.session_id);
  if p_session_id is not null then
    return coalesce((
      select jsonb_agg(r.session_id) from switchyard.revocations r
      where r.user_id = p_user_id and r.session_id = p_session_id
    ), '[]');
  end if;
  return coalesce((
    select jsonb_agg(r.session_id) from switchyard.revocations r
    where r.user_id = p_user_id and r.session_id is not null
  ), '[]');
end $$;
select switchyard.seal_function('public.switchyard_end_sessions(uuid, uuid, uuid)', '{service_role}');
