-- What the tables of all collections share: versions, tombstones, and a check that needs a function.

-- Versions are microseconds since 1970, above the previous one, rounded up so that the last three bits are 1: those of
-- MongoDB end in 2, so the two never write the same. clock_timestamp(), because now() is when the transaction began.
create function switchyard.next_version(previous bigint default 0) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  lowest bigint := greatest(ceil(extract(epoch from clock_timestamp()) * 1000000)::bigint, previous + 1);
begin
  return lowest + (9 - lowest % 8) % 8;
end
$$;

-- What is left of a deleted record. Nobody but the triggers below and the purge of a deleted user's data touches it.
create table switchyard.tombstones (
  collection text not null,
  user_id uuid not null,
  id uuid not null,
  version bigint not null,
  create_hash text,
  deleted_at timestamptz(3) not null,
  primary key (user_id, collection, id)
);
alter table switchyard.tombstones enable row level security;
revoke all on switchyard.tombstones from public, anon, authenticated;

-- The three trigger functions run with their owner's rights, because users have none on tombstones. The path is pinned,
-- and nobody may call them.

-- Sets what no client may: the version, above that of a deleted record with the same id, and the times. It says nothing
-- about tombstones: it runs before row-level security has looked at the row, so a stranger could ask.
create function switchyard.stamp_record() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  previous bigint := 0;
begin
  if tg_op = 'UPDATE' then
    if new.id <> old.id or new.user_id <> old.user_id then
      raise exception 'the id and the owner of a record cannot change' using errcode = 'invalid_parameter_value';
    end if;
    previous := old.version;
  else
    select t.version into previous from switchyard.tombstones t
    where t.user_id = new.user_id and t.collection = tg_table_name and t.id = new.id;
  end if;
  new.version := switchyard.next_version(coalesce(previous, 0));
  new.updated_at := date_trunc('milliseconds', clock_timestamp());
  new.created_at := case when tg_op = 'UPDATE' then old.created_at else new.updated_at end;
  return new;
end
$$;

-- A repeated create (the same idempotency key) of a record that has been deleted since does not bring it back: SY410, or
-- SY409 when the body is another one. An insert that waited for the deletion of its own id has a version that is too low
-- (the tombstone was not there yet when it was stamped): 40001, which the caller repeats.
create function switchyard.check_tombstones() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  grave record;
begin
  select i.version <= t.version as is_older, i.create_hash = t.create_hash as is_repeated into grave
  from inserted i
  join switchyard.tombstones t on t.user_id = i.user_id and t.collection = tg_table_name and t.id = i.id
  where i.version <= t.version or i.create_hash is not null and t.create_hash is not null
  limit 1;
  if grave.is_repeated then
    raise exception 'the record that this request created is deleted' using errcode = 'SY410';
  elsif not grave.is_repeated then
    raise exception 'another request with this key created a record that is deleted' using errcode = 'SY409';
  elsif grave.is_older then
    raise exception 'the record is being deleted' using errcode = 'serialization_failure';
  end if;
  return null;
end
$$;

create function switchyard.bury_records() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into switchyard.tombstones (collection, user_id, id, version, create_hash, deleted_at)
  select tg_table_name, d.user_id, d.id, switchyard.next_version(d.version), d.create_hash, clock_timestamp()
  from deleted d
  on conflict (user_id, collection, id) do update
    set version = excluded.version, create_hash = excluded.create_hash, deleted_at = excluded.deleted_at;
  return null;
end
$$;

revoke all on function switchyard.next_version(bigint) from public, anon, authenticated;
revoke all on function switchyard.stamp_record() from public, anon, authenticated;
revoke all on function switchyard.check_tombstones() from public, anon, authenticated;
revoke all on function switchyard.bury_records() from public, anon, authenticated;

-- For check constraints, which run with the rights of whoever writes. Lengths are in characters, not bytes.
create function switchyard.are_tags(tags text[], max_items int, max_length int) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(array_ndims(tags), 1) = 1
    and cardinality(tags) <= max_items
    and not exists (
      select from unnest(tags) as t(tag) where t.tag is null or char_length(t.tag) not between 1 and max_length
    )
$$;
revoke all on function switchyard.are_tags(text[], int, int) from public, anon;
grant execute on function switchyard.are_tags(text[], int, int) to authenticated, service_role;
