-- plane: control
-- Making, joining and leaving servers, and their channels, each in one transaction. The API calls these, with the user of the
-- token that it has verified, and shows what they answer: the row as it was then. PT404: there is no such server for that user; SY403: it is there, and this is its owner's to do.

-- Locked against others who change who is in it. With p_as_owner only for its owner.
create function switchyard.own_server(p_user_id uuid, p_server_id uuid, p_as_owner boolean) returns public.servers
language plpgsql volatile set search_path = '' as $$
declare
  v_found public.servers;
begin
  select * into v_found from public.servers s where s.id = p_server_id for update;
  if v_found.id is null or not exists (
    select from public.members m where m.server_id = p_server_id and m.user_id = p_user_id
  ) then
    raise exception 'There is no such server.' using errcode = 'PT404';
  end if;
  if p_as_owner and v_found.owner_id <> p_user_id then
    raise exception 'This is for the owner of the server.' using errcode = 'SY403';
  end if;
  return v_found;
end
$$;

-- Long enough that nobody finds one by trying.
create function switchyard.new_invite_code() returns text
language sql volatile set search_path = '' as $$
  select replace(gen_random_uuid()::text, '-', '')
$$;

create function switchyard.make_channel(p_server_id uuid, p_name text, p_id uuid, p_hash text) returns public.channels
language plpgsql volatile set search_path = '' as $$
declare
  v_found public.channels;
begin
  if exists (
    select from switchyard.tombstones t where t.user_id = p_server_id and t.collection = 'channels' and t.id = p_id
      and t.create_hash is not null
  ) then
    raise exception 'the channel that this request made is deleted' using errcode = 'SY410';
  end if;
  if (select count(*) from public.channels c where c.server_id = p_server_id) >= 200 then
    raise exception 'A server has at most 200 channels.' using errcode = 'SY403';
  end if;
  insert into public.channels (server_id, id, name, create_hash) values (p_server_id, p_id, p_name, p_hash) on conflict (id) do nothing;
  select * into v_found from public.channels c where c.id = p_id;
  if v_found.server_id is distinct from p_server_id or v_found.create_hash is distinct from p_hash then
    raise exception 'another request has made this channel' using errcode = 'SY409';
  end if;
  return v_found;
end
$$;

-- With its owner as a member, and one channel. Made again with the same p_hash it is that server as it is now.
create function public.switchyard_make_server(p_user_id uuid, p_name text, p_image_url text, p_id uuid, p_hash text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_found public.servers;
begin
  perform switchyard.check_people(array[p_user_id]);
  if exists (
    select from switchyard.tombstones t where t.user_id = p_id and t.collection = 'servers' and t.id = p_id and t.create_hash is not null
  ) then
    raise exception 'the server that this request made is deleted' using errcode = 'SY410';
  end if;
  if (select count(*) from public.servers s where s.owner_id = p_user_id) >= 100 then
    raise exception 'One user may have 100 servers. Delete some.' using errcode = 'SY403';
  end if;
  insert into public.servers (server_id, id, owner_id, name, image_url, invite_code, create_hash)
  values (p_id, p_id, p_user_id, p_name, p_image_url, switchyard.new_invite_code(), p_hash)
  on conflict (id) do nothing;
  if found then
    insert into public.members (user_id, id, server_id) values (p_user_id, gen_random_uuid(), p_id);
    perform switchyard.make_channel(p_id, 'general', gen_random_uuid(), null);
  end if;
  select * into v_found from public.servers s where s.id = p_id;
  if v_found.owner_id is distinct from p_user_id or v_found.create_hash is distinct from p_hash then
    raise exception 'another request has made this server' using errcode = 'SY409';
  end if;
  return to_jsonb(v_found);
end
$$;

-- p_changes: any of {"name", "image_url", "renew_invite_code": true}; a new code ends the old one.
create function public.switchyard_change_server(p_user_id uuid, p_server_id uuid, p_changes jsonb) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_changed public.servers;
begin
  perform switchyard.own_server(p_user_id, p_server_id, true);
  update public.servers s set
    name = case when p_changes ? 'name' then p_changes ->> 'name' else s.name end,
    image_url = case when p_changes ? 'image_url' then p_changes ->> 'image_url' else s.image_url end,
    invite_code = case when p_changes -> 'renew_invite_code' = 'true' then switchyard.new_invite_code() else s.invite_code end
  where s.id = p_server_id returning * into v_changed;
  return to_jsonb(v_changed);
end
$$;

create function public.switchyard_delete_server(p_user_id uuid, p_server_id uuid) returns void
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform switchyard.own_server(p_user_id, p_server_id, true);
  delete from public.servers s where s.id = p_server_id;
end
$$;

-- The server with that code. Whoever is in it already stays.
create function public.switchyard_join_server(p_user_id uuid, p_invite_code text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_found public.servers;
begin
  select * into v_found from public.servers s where s.invite_code = p_invite_code for key share;
  if v_found.id is null then
    raise exception 'There is no server with this code.' using errcode = 'PT404';
  end if;
  perform switchyard.check_people(array[p_user_id]);
  insert into public.members (user_id, id, server_id) values (p_user_id, gen_random_uuid(), v_found.id)
  on conflict (user_id, server_id) do nothing;
  return to_jsonb(v_found);
end
$$;

-- Oneself, or, by the owner, another one. The owner stays for as long as the server does.
create function public.switchyard_leave_server(p_user_id uuid, p_server_id uuid, p_who uuid) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_found public.servers := switchyard.own_server(p_user_id, p_server_id, p_who <> p_user_id);
begin
  if p_who = v_found.owner_id then
    raise exception 'The owner stays for as long as the server does. Delete it instead.' using errcode = 'SY403';
  end if;
  delete from public.members m where m.server_id = p_server_id and m.user_id = p_who;
  if not found then
    raise exception 'There is no such member.' using errcode = 'PT404';
  end if;
end
$$;

create function public.switchyard_make_channel(p_user_id uuid, p_server_id uuid, p_name text, p_id uuid, p_hash text default null)
returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform switchyard.own_server(p_user_id, p_server_id, true);
  return to_jsonb(switchyard.make_channel(p_server_id, p_name, p_id, p_hash));
end
$$;

create function public.switchyard_rename_channel(p_user_id uuid, p_server_id uuid, p_channel_id uuid, p_name text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_changed public.channels;
begin
  perform switchyard.own_server(p_user_id, p_server_id, true);
  update public.channels c set name = p_name where c.server_id = p_server_id and c.id = p_channel_id returning * into v_changed;
  if not found then
    raise exception 'There is no such channel.' using errcode = 'PT404';
  end if;
  return to_jsonb(v_changed);
end
$$;

-- With all that was said in it.
create function public.switchyard_delete_channel(p_user_id uuid, p_server_id uuid, p_channel_id uuid) returns void
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform switchyard.own_server(p_user_id, p_server_id, true);
  delete from public.channels c where c.server_id = p_server_id and c.id = p_channel_id;
  if not found then
    raise exception 'There is no such channel.' using errcode = 'PT404';
  end if;
end
$$;

-- Whether that is a channel of a server that the user is in.
create function public.switchyard_is_in_channel(p_user_id uuid, p_channel_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (
    select from public.channels c join public.members m using (server_id) where c.id = p_channel_id and m.user_id = p_user_id
  )
$$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.own_server(uuid, uuid, boolean)', 'switchyard.new_invite_code()',
  'switchyard.make_channel(uuid, text, uuid, text)'
]::regprocedure[]) f;
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_make_server(uuid, text, text, uuid, text)', 'public.switchyard_change_server(uuid, uuid, jsonb)',
  'public.switchyard_delete_server(uuid, uuid)', 'public.switchyard_join_server(uuid, text)',
  'public.switchyard_leave_server(uuid, uuid, uuid)', 'public.switchyard_make_channel(uuid, uuid, text, uuid, text)',
  'public.switchyard_rename_channel(uuid, uuid, uuid, text)', 'public.switchyard_delete_channel(uuid, uuid, uuid)',
  'public.switchyard_is_in_channel(uuid, uuid)'
]::regprocedure[]) f;
notify pgrst, 'reload schema';
