-- plane: control
-- Making, joining and leaving conversations, each in one transaction. The API calls these, with the user of the token that it
-- has verified. PT404: there is no such room for that user; SY403: it is there, and this is another's to do.

-- A conversation that the last member has left goes. The row is locked before anybody is looked for: of two who leave at
-- once the second sees that the first has gone.
create function switchyard.end_empty_conversations() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- what comes from the copy brings each deletion itself
  if switchyard.is_applying() then
    return null;
  end if;
  perform from public.conversations c where c.id in (select conversation_id from deleted) order by c.id for update;
  delete from public.conversations c
  where c.id in (select conversation_id from deleted)
    and not exists (select from public.conversation_members m where m.conversation_id = c.id);
  return null;
end
$$;
create trigger rooms_end_empty after delete on public.conversation_members
  referencing old table as deleted for each statement execute function switchyard.end_empty_conversations();

-- Messages go with their conversation, and with them, by tombstones and marks, those in MongoDB. No foreign key does it: their
-- primary is there, where no conversation is waited for.
create function switchyard.delete_messages_of_conversations() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if not switchyard.is_applying() then
    delete from public.direct_messages where conversation_id in (select id from deleted);
  end if;
  return null;
end
$$;
create trigger rooms_delete_messages after delete on public.conversations
  referencing old table as deleted for each statement execute function switchyard.delete_messages_of_conversations();

-- One that is written here while its conversation is deleted would stay behind: row-level security asks who is in it as the
-- statement began. So the conversation stays until the message is stored; who deletes it then finds the message. Whoever is too
-- late is told the same as one who is in no such conversation.
create function switchyard.hold_conversation() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if switchyard.is_applying() then
    return new;
  end if;
  perform from public.conversations c where c.id = new.conversation_id for key share;
  if not found then
    raise exception 'new row violates row-level security policy for table "%"', tg_table_name using errcode = 'insufficient_privilege';
  end if;
  return new;
end
$$;
create trigger rooms_hold before insert on public.direct_messages
  for each row execute function switchyard.hold_conversation();

-- A message that arrives from MongoDB after its conversation has gone is deleted as well.
update switchyard.collections set room_table = 'conversations', room_column = 'conversation_id' where name = 'direct_messages';

-- All of them are users.
create function switchyard.check_people(p_people uuid[]) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_unknown uuid := (
    select p from unnest(p_people) p where not exists (select from auth.users u where u.id = p and u.deleted_at is null) limit 1
  );
begin
  if v_unknown is not null then
    raise exception 'There is no user %.', v_unknown using errcode = 'invalid_parameter_value';
  end if;
end
$$;

-- Locked against others who change who is in it; PT404 for whoever is not.
create function switchyard.own_conversation(p_user_id uuid, p_conversation_id uuid) returns public.conversations
language plpgsql volatile set search_path = '' as $$
declare
  v_found public.conversations;
begin
  select * into v_found from public.conversations c where c.id = p_conversation_id for update;
  if v_found.id is null or not exists (
    select from public.conversation_members m where m.conversation_id = p_conversation_id and m.user_id = p_user_id
  ) then
    raise exception 'There is no such conversation.' using errcode = 'PT404';
  end if;
  return v_found;
end
$$;

create function switchyard.put_into_conversation(p_conversation_id uuid, p_people uuid[]) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_count integer;
begin
  insert into public.conversation_members (user_id, id, conversation_id)
  select p, gen_random_uuid(), p_conversation_id from unnest(p_people) p order by p
  on conflict (user_id, conversation_id) do nothing;
  get diagnostics v_count = row_count;
  if (select count(*) from public.conversation_members m where m.conversation_id = p_conversation_id) > 100 then
    raise exception 'A conversation has at most 100 members.' using errcode = 'invalid_parameter_value';
  end if;
  return v_count;
end
$$;

-- Of p_user_id and p_others; {"is_new", "room"}: as it was then, for whoever has left it before they could look. Of two people it is the one that they have, whoever of them has left it and
-- whatever p_id and p_name say. Of more it is p_id's: made again with the same p_hash it is that one as it is now.
create function public.switchyard_make_conversation(
  p_user_id uuid, p_others uuid[], p_name text, p_id uuid, p_hash text default null
) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_people uuid[] := array(select distinct p from unnest(p_others || p_user_id) p order by p);
  v_is_pair boolean := cardinality(v_people) = 2;
  -- a UUID of version 8, which says nothing but that it is made like this
  v_id uuid := case when v_is_pair then overlay(overlay(
    left(encode(sha256(convert_to(array_to_string(v_people, ' '), 'UTF8')), 'hex'), 32) placing '8' from 13) placing 'a' from 17
  )::uuid else p_id end;
  v_found public.conversations;
  v_is_new boolean;
begin
  if cardinality(v_people) < 2 then
    raise exception 'Name somebody else for a conversation.' using errcode = 'invalid_parameter_value';
  end if;
  perform switchyard.check_people(v_people);
  if not v_is_pair and (select count(*) from public.conversations c where c.created_by = p_user_id and c.kind = 'group') >= 1000 then
    raise exception 'One user may make 1000 conversations. Delete some.' using errcode = 'SY403';
  end if;
  if not v_is_pair and exists (
    select from switchyard.tombstones t where t.collection = 'conversations' and t.id = v_id and t.create_hash is not null
  ) then
    raise exception 'the conversation that this request made is deleted' using errcode = 'SY410';
  end if;
  loop
    insert into public.conversations (conversation_id, id, kind, name, created_by, create_hash)
    values (
      v_id, v_id, case when v_is_pair then 'pair' else 'group' end, case when not v_is_pair then p_name end, p_user_id,
      case when not v_is_pair then p_hash end
    ) on conflict (id) do nothing;
    v_is_new := found;
    select * into v_found from public.conversations c where c.id = v_id for update;
    -- else it has just gone
    exit when v_found.id is not null;
  end loop;
  if not v_is_new and not v_is_pair and (v_found.created_by <> p_user_id or v_found.create_hash is distinct from p_hash) then
    raise exception 'another request has made this conversation' using errcode = 'SY409';
  end if;
  if v_is_new or v_is_pair then
    perform switchyard.put_into_conversation(v_id, v_people);
  end if;
  return jsonb_build_object('is_new', v_is_new, 'room', to_jsonb(v_found));
end
$$;

-- By any member. How many have come: who is in it already stays.
create function public.switchyard_add_to_conversation(p_user_id uuid, p_conversation_id uuid, p_people uuid[]) returns integer
language plpgsql volatile security definer set search_path = '' as $$
begin
  if (switchyard.own_conversation(p_user_id, p_conversation_id)).kind = 'pair' then
    raise exception 'A conversation of two stays one of two: make another one.' using errcode = 'invalid_parameter_value';
  end if;
  perform switchyard.check_people(p_people);
  return switchyard.put_into_conversation(p_conversation_id, p_people);
end
$$;

-- Oneself, or, by whoever made a conversation of more than two, another one. PT404 for who is not in it.
create function public.switchyard_leave_conversation(p_user_id uuid, p_conversation_id uuid, p_who uuid) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_found public.conversations := switchyard.own_conversation(p_user_id, p_conversation_id);
begin
  if p_who <> p_user_id and (v_found.created_by <> p_user_id or v_found.kind = 'pair') then
    raise exception 'Only who made a conversation of more than two removes others from it.' using errcode = 'SY403';
  end if;
  delete from public.conversation_members m where m.conversation_id = p_conversation_id and m.user_id = p_who;
  if not found then
    raise exception 'There is no such member.' using errcode = 'PT404';
  end if;
end
$$;

-- With all that was said in it.
create function public.switchyard_delete_conversation(p_user_id uuid, p_conversation_id uuid) returns void
language plpgsql volatile security definer set search_path = '' as $$
begin
  if (switchyard.own_conversation(p_user_id, p_conversation_id)).created_by <> p_user_id then
    raise exception 'Only who made a conversation deletes it. Leave it instead.' using errcode = 'SY403';
  end if;
  delete from public.conversations c where c.id = p_conversation_id;
end
$$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.hold_conversation()', 'switchyard.end_empty_conversations()', 'switchyard.delete_messages_of_conversations()', 'switchyard.check_people(uuid[])',
  'switchyard.own_conversation(uuid, uuid)', 'switchyard.put_into_conversation(uuid, uuid[])'
]::regprocedure[]) f;
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_make_conversation(uuid, uuid[], text, uuid, text)',
  'public.switchyard_add_to_conversation(uuid, uuid, uuid[])', 'public.switchyard_leave_conversation(uuid, uuid, uuid)',
  'public.switchyard_delete_conversation(uuid, uuid)'
]::regprocedure[]) f;
notify pgrst, 'reload schema';
