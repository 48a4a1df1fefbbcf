-- The owner's column by name. A trigger gets it as its argument where it is not user_id; without one it does what it did,
-- in statements of its own: a column whose name is only known here is read through JSON, which costs each row more.
-- (Tombstones call every owner user_id.)

create or replace function switchyard.stamp_record() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  owner uuid;
  owner_before uuid;
  previous bigint := 0;
  made_by text;
begin
  if tg_nargs = 0 then
    owner := new.user_id;
    if tg_op = 'UPDATE' then owner_before := old.user_id; end if;
  else
    owner := to_jsonb(new) ->> tg_argv[0];
    if tg_op = 'UPDATE' then owner_before := to_jsonb(old) ->> tg_argv[0]; end if;
  end if;
  if tg_op = 'UPDATE' then
    if new.id <> old.id or owner <> owner_before then
      raise exception 'the id and the owner of a record cannot change' using errcode = 'invalid_parameter_value';
    end if;
    previous := old.version;
  else
    select t.version, t.create_hash into previous, made_by from switchyard.tombstones t
    where t.user_id = owner and t.collection = tg_table_name and t.id = new.id;
    if made_by is not null and new.create_hash is not null and owner = auth.uid() then
      perform switchyard.refuse_repeated_create(made_by = new.create_hash);
    end if;
  end if;
  new.version := switchyard.next_version(coalesce(previous, 0));
  new.updated_at := date_trunc('milliseconds', clock_timestamp());
  new.created_at := case when tg_op = 'UPDATE' then old.created_at else new.updated_at end;
  return new;
end
$$;

-- What check_tombstones finds wrong with one record that was inserted.
create function switchyard.refuse_deleted(p_is_older boolean, p_same_body boolean) returns void
language plpgsql set search_path = '' as $$
begin
  if p_same_body is not null then
    perform switchyard.refuse_repeated_create(p_same_body);
  elsif p_is_older then
    raise exception 'the record is being deleted' using errcode = 'serialization_failure';
  end if;
end
$$;
select switchyard.seal_function('switchyard.refuse_deleted(boolean, boolean)'::regprocedure);

create or replace function switchyard.check_tombstones() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_nargs = 0 then
    perform switchyard.refuse_deleted(i.version <= t.version, i.create_hash = t.create_hash)
    from inserted i
    join switchyard.tombstones t on t.user_id = i.user_id and t.collection = tg_table_name and t.id = i.id;
    delete from switchyard.tombstones t using inserted i
    where t.user_id = i.user_id and t.collection = tg_table_name and t.id = i.id;
  else
    perform switchyard.refuse_deleted(i.version <= t.version, i.create_hash = t.create_hash)
    from inserted i
    join switchyard.tombstones t
      on t.user_id = (to_jsonb(i) ->> tg_argv[0])::uuid and t.collection = tg_table_name and t.id = i.id;
    delete from switchyard.tombstones t using inserted i
    where t.user_id = (to_jsonb(i) ->> tg_argv[0])::uuid and t.collection = tg_table_name and t.id = i.id;
  end if;
  return null;
end
$$;

create or replace function switchyard.bury_records() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_nargs = 0 then
    insert into switchyard.tombstones (collection, user_id, id, version, create_hash, deleted_at)
    select tg_table_name, d.user_id, d.id, switchyard.next_version(d.version), d.create_hash, clock_timestamp()
    from deleted d
    on conflict (user_id, collection, id) do update
      set version = excluded.version, create_hash = excluded.create_hash, deleted_at = excluded.deleted_at;
  else
    insert into switchyard.tombstones (collection, user_id, id, version, create_hash, deleted_at)
    select tg_table_name, (to_jsonb(d) ->> tg_argv[0])::uuid, d.id, switchyard.next_version(d.version), d.create_hash,
      clock_timestamp()
    from deleted d
    on conflict (user_id, collection, id) do update
      set version = excluded.version, create_hash = excluded.create_hash, deleted_at = excluded.deleted_at;
  end if;
  return null;
end
$$;
