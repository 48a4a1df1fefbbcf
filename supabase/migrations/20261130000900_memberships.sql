-- plane: control
-- Rooms: who is in which, as row-level security asks, and what messages keep to, whoever writes them.

-- The rooms of whoever calls, by the collection that says who is a member: conversations, servers, and the channels of these.
-- Policies call it, so every user may; it tells them where they are themselves. It looks past row-level security, or the
-- policies of the members' own tables would ask for themselves.
create function switchyard.memberships(p_members text) returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  return case p_members
    when 'conversation_members' then array(
      select m.conversation_id from public.conversation_members m where m.user_id = auth.uid()
    )
    when 'members' then array(select m.server_id from public.members m where m.user_id = auth.uid())
    when 'channels' then array(
      select c.id from public.members m join public.channels c using (server_id) where m.user_id = auth.uid()
    )
  end;
end
$$;
select switchyard.seal_function('switchyard.memberships(text)', '{authenticated}');

-- Of a message, times are the database's, and what is deleted says nothing and stays so. A row that comes from MongoDB is
-- taken as it is there.
create function switchyard.keep_message() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if switchyard.is_applying() then
    return new;
  end if;
  if tg_op = 'INSERT' then
    new.edited_at := null;
    new.is_deleted := false;
    return new;
  end if;
  new.edited_at := old.edited_at;
  if old.is_deleted or new.is_deleted then
    new.is_deleted := true;
    new.content := null;
    new.file_url := null;
  elsif (new.content, new.file_url) is distinct from (old.content, old.file_url) then
    new.edited_at := date_trunc('milliseconds', clock_timestamp());
  end if;
  return new;
end
$$;
select switchyard.seal_function('switchyard.keep_message()');
