-- plane: control
-- Rows that have a copy in another database.
--
-- seen      the newest version of each site that a row includes, {"1": 1795..., "2": ...}; `version` is the largest of them.
--           One number cannot tell a newer row from one that was changed elsewhere at the same time.
-- mark      "this row has changed, and the copy does not have it yet": appended in the writer's transaction, so that a change
--           and its mark are both there or neither. Writers only insert, and so wait for nobody.
-- tombstone of a row that has a copy: it has `seen`, and goes only after the copy has acknowledged it.
--
-- A worker claims marks (a lease), reads the rows as they are now, brings them to the copy, and deletes exactly the marks
-- that it claimed. (No logical decoding: a slot keeps all of the server's log while nobody reads, and is lost with a
-- failover. No pgmq: it rewrites each message at every read.)

create table switchyard.replication (
  is_the_only_row boolean primary key default true check (is_the_only_row),
  -- without a copy to bring them to, nobody takes marks away
  is_on boolean not null default false,
  -- the transaction that switched it: older ones that are still open may write without marks
  switched_by xid8
);
insert into switchyard.replication default values;

-- The newest mark that was handed out is the last row here. It is raised before a row is sent, and the copy keeps the newest
-- that it has got: if that one is larger, this database is a restored backup. (A sequence would not tell: it is logged 32
-- ahead. One row that is updated would be read through all of its versions while an old transaction is open.)
create table switchyard.replication_claims (
  up_to bigint primary key
);

create table switchyard.marks (
  seq bigint generated always as identity primary key,
  collection text not null,
  row_id uuid not null,
  marked_at timestamptz not null default clock_timestamp(),
  -- null: free
  leased_until timestamptz
) with (fillfactor = 80);

-- Rows that the copy has refused. They are tried again, less and less often, and then set aside ("dead") until they change.
create table switchyard.replication_failures (
  collection text not null,
  row_id uuid not null,
  attempts integer not null default 1,
  error text not null,
  failed_at timestamptz not null default clock_timestamp(),
  due_at timestamptz not null,
  is_dead boolean not null default false,
  primary key (collection, row_id)
);

-- What was copied in the last hour, for the lag: milliseconds from mark to copy, of at most a hundred rows of each batch.
create table switchyard.replication_batches (
  id bigint generated always as identity primary key,
  copied_at timestamptz not null default clock_timestamp(),
  rows integer not null,
  lags double precision[] not null
);
create index replication_batches_at on switchyard.replication_batches (copied_at);

-- How far `backfill` has come with marking every row of a collection.
create table switchyard.backfills (
  collection text primary key,
  after uuid,
  marked bigint not null default 0,
  started_at timestamptz not null default clock_timestamp(),
  done_at timestamptz
);

alter table switchyard.replication enable row level security;
alter table switchyard.replication_claims enable row level security;
alter table switchyard.marks enable row level security;
alter table switchyard.replication_failures enable row level security;
alter table switchyard.replication_batches enable row level security;
alter table switchyard.backfills enable row level security;

alter table switchyard.tombstones add column seen jsonb;
alter table switchyard.tombstones add column acknowledged boolean not null default false;
-- ids of rows that have a copy are global, whoever's they are
create unique index tombstones_seen on switchyard.tombstones (collection, id) where seen is not null;

-- A collection that is named here has a copy; its position is kept by switchyard.collections.
create function switchyard.replicated_collections() returns setof text
language sql stable set search_path = '' as $$
  select name from switchyard.collections where placement = 'replicated' order by position
$$;

-- Rows that come from their copy keep what they have there. Only functions that may read this secret can say that they bring
-- such rows, and no role of the application can: a setting alone is anybody's to set.
create table switchyard.apply_secret (
  is_the_only_row boolean primary key default true check (is_the_only_row),
  secret text not null
);
insert into switchyard.apply_secret (secret) values (gen_random_uuid() || '-' || gen_random_uuid());
alter table switchyard.apply_secret enable row level security;

create function switchyard.is_applying() returns boolean
language sql stable set search_path = '' as $$
  select coalesce(current_setting('switchyard.applying', true), '') <> ''
    and current_setting('switchyard.applying', true) = (select secret from switchyard.apply_secret)
$$;

-- Sets what no client may: the version, above that of a deleted row with the same id, and the times. The argument is the
-- owner's column.
create function switchyard.stamp_replicated() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  owner uuid := to_jsonb(new) ->> tg_argv[0];
  before jsonb := '{}';
  previous bigint := 0;
  grave record;
begin
  if switchyard.is_applying() then
    return new;
  end if;
  if tg_op = 'UPDATE' then
    if new.id <> old.id or owner <> (to_jsonb(old) ->> tg_argv[0])::uuid then
      raise exception 'the id and the owner of a record cannot change' using errcode = 'invalid_parameter_value';
    end if;
    before := old.seen;
    previous := old.version;
  else
    select t.user_id, t.version, t.seen, t.create_hash into grave from switchyard.tombstones t
    where t.collection = tg_table_name and t.id = new.id and t.seen is not null;
    if found then
      before := grave.seen;
      previous := grave.version;
      if grave.create_hash is not null and new.create_hash is not null and grave.user_id = owner and owner = auth.uid() then
        perform switchyard.refuse_repeated_create(grave.create_hash = new.create_hash);
      end if;
    end if;
  end if;
  new.version := switchyard.next_version(previous);
  new.seen := before || jsonb_build_object(switchyard.site()::text, new.version);
  new.updated_at := date_trunc('milliseconds', clock_timestamp());
  new.created_at := case when tg_op = 'UPDATE' then old.created_at else new.updated_at end;
  return new;
end
$$;

-- As check_tombstones does for rows without a copy: an insert that waited for the deletion of its own id was stamped before
-- the tombstone was there.
create function switchyard.check_replicated_tombstones() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform switchyard.refuse_deleted(
    i.version <= t.version,
    case when t.user_id = (to_jsonb(i) ->> tg_argv[0])::uuid then i.create_hash = t.create_hash end
  )
  from inserted i
  join switchyard.tombstones t on t.collection = tg_table_name and t.id = i.id and t.seen is not null
  where not switchyard.is_applying();
  delete from switchyard.tombstones t using inserted i
  where t.collection = tg_table_name and t.id = i.id and t.seen is not null;
  return null;
end
$$;

create function switchyard.bury_replicated() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into switchyard.tombstones (collection, user_id, id, version, seen, create_hash, deleted_at)
  select tg_table_name, (d.row ->> tg_argv[0])::uuid, d.id, d.next,
    d.seen || jsonb_build_object(switchyard.site()::text, d.next), d.create_hash, clock_timestamp()
  from (
    select o.id, o.seen, o.create_hash, to_jsonb(o) as row, switchyard.next_version(o.version) as next from deleted o
    offset 0
  ) d;
  return null;
end
$$;

-- TRUNCATE shows its triggers no rows, so they are looked at before: by what all other triggers do with a deletion.
create function switchyard.bury_all_replicated() returns trigger
language plpgsql security definer set search_path = '' set timezone = 'UTC' set datestyle = 'ISO' as $$
begin
  execute format(
    'select switchyard.remove_usage(c.owner, c.records, c.bytes) from (
       select r.%I as owner, count(*) as records, sum((octet_length(r::text) / 64 + 1) * 64)::bigint as bytes
       from %s r group by 1 order by 1
     ) c',
    tg_argv[0], tg_relid::regclass
  );
  execute format(
    'insert into switchyard.tombstones (collection, user_id, id, version, seen, create_hash, deleted_at)
     select %1$L, d.%2$I, d.id, d.next, d.seen || jsonb_build_object(switchyard.site()::text, d.next), d.create_hash,
       clock_timestamp()
     from (select t.*, switchyard.next_version(t.version) as next from %3$s t offset 0) d',
    tg_table_name, tg_argv[0], tg_relid::regclass
  );
  if (select is_on from switchyard.replication) then
    execute format('insert into switchyard.marks (collection, row_id) select %L, id from %s', tg_table_name, tg_relid::regclass);
  end if;
  return null;
end
$$;

create function switchyard.mark_rows() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if (select is_on from switchyard.replication) then
    insert into switchyard.marks (collection, row_id) select tg_table_name, c.id from changed c;
  end if;
  return null;
end
$$;

-- A tombstone that the copy has not acknowledged is the only sign of its row's end. Where there is no copy, it goes as all do.
create or replace function public.switchyard_expire_tombstones(p_days int default 7) returns bigint
language sql volatile security definer set search_path = '' as $$
  with expired as (
    delete from switchyard.tombstones
    where deleted_at < now() - make_interval(days => greatest(p_days, 1))
      and (seen is null or acknowledged or not (select is_on from switchyard.replication))
    returning 1
  )
  select count(*) from expired
$$;

-- Of a deleted user, too: their tombstones hold ids and nothing else, and go with the others.
create or replace function switchyard.delete_records(p_user_id uuid, p_limit integer) returns integer
language plpgsql set search_path = '' as $$
declare
  v_deleted integer := 0;
  v_count integer;
  v_table record;
begin
  set constraints all deferred;
  for v_table in
    select 'public.' || quote_ident(name) as name, owner_column as owner, 'true' as which, position
    from switchyard.collections where owner_column is not null
    union all
    select 'switchyard.tombstones', 'user_id', '(seen is null or not (select is_on from switchyard.replication))', -1
    order by position desc
  loop
    exit when v_deleted >= p_limit;
    continue when to_regclass(v_table.name) is null;
    execute format(
      'delete from %1$s where ctid = any (array(select ctid from %1$s where %2$I = $1 and %3$s limit $2))',
      v_table.name, v_table.owner, v_table.which
    ) using p_user_id, p_limit - v_deleted;
    get diagnostics v_count = row_count;
    v_deleted := v_deleted + v_count;
  end loop;
  set constraints all immediate;
  return v_deleted;
end $$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.replicated_collections()', 'switchyard.is_applying()', 'switchyard.stamp_replicated()', 'switchyard.check_replicated_tombstones()',
  'switchyard.bury_replicated()', 'switchyard.bury_all_replicated()', 'switchyard.mark_rows()',
  'switchyard.delete_records(uuid, integer)'
]::regprocedure[]) f;
select switchyard.seal_function('public.switchyard_expire_tombstones(int)', '{service_role}');
