/** What the migrations of shared collections have beside what their definitions print: "by hand" stands above each there. */
export const byHand = (schema: string): string => `
alter table ${schema}.conversations add constraint conversations_is_its_room check (id = conversation_id);
create index conversations_made_idx on ${schema}.conversations (created_by);
create trigger rooms_delete_messages after delete on ${schema}.conversations
  referencing old table as deleted for each statement execute function switchyard.delete_messages_of_conversations();
alter table ${schema}.conversation_members add constraint conversation_members_conversation_id_fkey
  foreign key (conversation_id) references ${schema}.conversations (id) on delete cascade;
create trigger rooms_end_empty after delete on ${schema}.conversation_members
  referencing old table as deleted for each statement execute function switchyard.end_empty_conversations();
create trigger rooms_hold before insert on ${schema}.direct_messages
  for each row execute function switchyard.hold_conversation();
create trigger switchyard_message before insert or update on ${schema}.direct_messages
  for each row execute function switchyard.keep_message();
alter table ${schema}.servers add constraint servers_is_itself check (id = server_id),
  add constraint servers_invite_code_key unique (invite_code);
alter table ${schema}.members add constraint members_server_id_fkey
  foreign key (server_id) references ${schema}.servers (id) on delete cascade;
alter table ${schema}.channels add constraint channels_server_id_fkey
  foreign key (server_id) references ${schema}.servers (id) on delete cascade;
alter table ${schema}.group_messages add constraint group_messages_channel_id_fkey
  foreign key (channel_id) references ${schema}.channels (id) on delete cascade;
create trigger switchyard_message before insert or update on ${schema}.group_messages
  for each row execute function switchyard.keep_message();`;
