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

-- What is left of a deleted record, until a record with its id comes back. Nobody but the triggers below and the purge of
-- a deleted user's data touches it.
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

-- A repeated create (the same idempotency key) does not bring a deleted record back.
create function switchyard.refuse_repeated_create(p_same_body boolean) returns void
language plpgsql set search_path = '' as $$
begin
  if p_same_body then
    raise exception 'the record that this request created is deleted' using errcode = 'SY410';
  end if;
  raise exception 'another request with this key created a record that is deleted' using errcode = 'SY409';
end
$$;

-- Sets what no client may: the version, above that of a deleted record with the same id, and the times. It runs before
-- row-level security has looked at the row, so only the owner is told about tombstones.
create function switchyard.stamp_record() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  previous bigint := 0;
  made_by text;
begin
  if tg_op = 'UPDATE' then
    if new.id <> old.id or new.user_id <> old.user_id then
      raise exception 'the id and the owner of a record cannot change' using errcode = 'invalid_parameter_value';
    end if;
    previous := old.version;
  else
    select t.version, t.create_hash into previous, made_by from switchyard.tombstones t
    where t.user_id = new.user_id and t.collection = tg_table_name and t.id = new.id;
    if made_by is not null and new.create_hash is not null and new.user_id = auth.uid() then
      perform switchyard.refuse_repeated_create(made_by = new.create_hash);
    end if;
  end if;
  new.version := switchyard.next_version(coalesce(previous, 0));
  new.updated_at := date_trunc('milliseconds', clock_timestamp());
  new.created_at := case when tg_op = 'UPDATE' then old.created_at else new.updated_at end;
  return new;
end
$$;

-- An insert that waited for the deletion of its own id was stamped before the tombstone was there. If its version is too
-- low for that, it fails with 40001, which the caller repeats. What has been created again is not deleted any more.
create function switchyard.check_tombstones() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  grave record;
begin
  for grave in
    select i.version <= t.version as is_older, i.create_hash = t.create_hash as same_body
    from inserted i
    join switchyard.tombstones t on t.user_id = i.user_id and t.collection = tg_table_name and t.id = i.id
  loop
    if grave.same_body is not null then
      perform switchyard.refuse_repeated_create(grave.same_body);
    elsif grave.is_older then
      raise exception 'the record is being deleted' using errcode = 'serialization_failure';
    end if;
  end loop;
  delete from switchyard.tombstones t using inserted i
  where t.user_id = i.user_id and t.collection = tg_table_name and t.id = i.id;
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

-- For check constraints, which run with the rights of whoever writes. Lengths are in characters, not bytes.
create function switchyard.are_tags(tags text[], max_items int, max_length int) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(array_ndims(tags), 1) = 1
    and cardinality(tags) <= max_items
    and not exists (
      select from unnest(tags) as t(tag) where t.tag is null or char_length(t.tag) not between 1 and max_length
    )
$$;

-- Idempotency keys are good for a day and more; after a week nobody repeats a create. Returns how many have gone.
create function public.switchyard_expire_tombstones(p_days int default 7) returns bigint
language sql volatile security definer set search_path = '' as $$
  with expired as (
    delete from switchyard.tombstones where deleted_at < now() - make_interval(days => greatest(p_days, 1)) returning 1
  )
  select count(*) from expired
$$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.next_version(bigint)', 'switchyard.refuse_repeated_create(boolean)', 'switchyard.stamp_record()',
  'switchyard.check_tombstones()', 'switchyard.bury_records()'
]::regprocedure[]) f;
select switchyard.seal_function('switchyard.are_tags(text[], int, int)', '{authenticated, service_role}');
select switchyard.seal_function('public.switchyard_expire_tombstones(int)', '{service_role}');

-- Where pg_cron is there; elsewhere whoever runs the purge calls it.
do $$
begin
  if to_regprocedure('cron.schedule(text, text, text)') is not null then
    perform cron.schedule('switchyard-expire-tombstones', '23 4 * * *', 'select public.switchyard_expire_tombstones()');
  end if;
end
$$;
