-- plane: control
-- Sign-ups by address, counted where they happen: by the hook before-user-created, which knows the address. Kept for an hour.
-- A call that Auth repeats is the same sign-up: its id says so.

create table switchyard.sign_ups (
  id uuid primary key,
  -- an IPv4 address, or the /64 of an IPv6 address, which is one customer's
  network cidr not null,
  at timestamptz not null default clock_timestamp()
);
create index sign_ups_network on switchyard.sign_ups (network, at);
create index sign_ups_at on switchyard.sign_ups (at);
alter table switchyard.sign_ups enable row level security;
do $$
declare
  v_role text;
begin
  revoke all on switchyard.sign_ups from public;
  for v_role in select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
    execute format('revoke all on switchyard.sign_ups from %I', v_role);
  end loop;
end $$;

-- Counts one; true while its address has no more than p_limit within an hour, this one among them. What is no address of the
-- internet (a proxy's, a developer's own) says nothing of who signs up, and is not counted. Those at the same time from one
-- address wait for each other, so that a limit is one.
create function public.switchyard_count_sign_up(p_id uuid, p_address text, p_limit integer) returns boolean
language plpgsql security definer set search_path = '' set lock_timeout = '800ms' as $$
declare
  v_address inet;
  v_network cidr;
begin
  begin
    v_address := p_address;
  exception when invalid_text_representation then
    return true;
  end;
  -- an IPv4 address in IPv6's words
  if v_address << '::ffff:0:0/96' then
    v_address := '0.0.0.0'::inet + (v_address - '::ffff:0:0'::inet);
  end if;
  if v_address is null or v_address <<= any (array[
    '127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', '::1/128', 'fc00::/7', 'fe80::/10'
  ]::inet[]) then
    return true;
  end if;
  v_network := network(set_masklen(v_address, case family(v_address) when 4 then 32 else 64 end));
  perform pg_advisory_xact_lock(hashtextextended('switchyard.sign_ups ' || v_network, 0));
  delete from switchyard.sign_ups where id in (
    select s.id from switchyard.sign_ups s where s.at < now() - interval '1 hour' limit 100 for update skip locked
  );
  if exists (select from switchyard.sign_ups where id = p_id) then
    return true;
  end if;
  if (select count(*) from switchyard.sign_ups s where s.network = v_network and s.at > now() - interval '1 hour') >= p_limit
  then
    return false;
  end if;
  insert into switchyard.sign_ups (id, network) values (p_id, v_network) on conflict do nothing;
  return true;
end $$;
select switchyard.seal_function('public.switchyard_count_sign_up(uuid, text, integer)', '{service_role}');
