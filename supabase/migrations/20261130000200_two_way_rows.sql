-- plane: control
-- Collections that both databases take writes of: what was written in MongoDB comes here, and is put together with what was
-- written here. Only this database decides which of two versions stays, under a lock of the row, so that there is one answer.
--
-- conflict   a row was changed in both databases before either had heard of the other. The version that did not stay is kept,
--            beside the one that did, until somebody has looked at it.
-- room       what members share. The rows in it go with it, also those that arrive after it has gone.

alter table switchyard.collections
  -- MongoDB is the primary, and this database takes writes, too
  add column takes_writes_behind boolean not null default false,
  -- the column that names whose a row is for those who see it; null: owner_column
  add column scope_column text,
  -- the table of the rooms that its rows belong to, and the column that names the room
  add column room_table text,
  add column room_column text;

create table switchyard.conflicts (
  id bigint generated always as identity primary key,
  collection text not null,
  row_id uuid not null,
  -- whose versions these are: they go with the account of either
  owner uuid,
  kept_owner uuid,
  -- {"version", "seen", "row"}, or of a deletion {"version", "seen", "deleted_at"}
  kept jsonb not null,
  other jsonb not null,
  found_at timestamptz not null default clock_timestamp(),
  state text not null default 'open' check (state in ('open', 'kept', 'other')),
  decided_at timestamptz
);
create index conflicts_open on switchyard.conflicts (id) where state = 'open';
create index conflicts_owner on switchyard.conflicts (owner);
create index conflicts_kept_owner on switchyard.conflicts (kept_owner);

-- Up to when everything that MongoDB has taken is here, as whoever brings it has said.
create table switchyard.replication_received (
  collection text primary key,
  complete_up_to timestamptz not null
);

alter table switchyard.conflicts enable row level security;
alter table switchyard.replication_received enable row level security;

-- `seen` of a row that includes both.
create function switchyard.merge_seen(p_one jsonb, p_other jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select coalesce(jsonb_object_agg(k.site, greatest((p_one ->> k.site)::bigint, (p_other ->> k.site)::bigint)), '{}')
  from (select jsonb_object_keys(p_one) as site union select jsonb_object_keys(p_other)) k
$$;

-- Whether the one includes all that the other does.
create function switchyard.includes(p_one jsonb, p_other jsonb) returns boolean
language sql immutable set search_path = '' as $$
  select coalesce(bool_and(coalesce((p_one ->> o.key)::bigint, 0) >= o.value::bigint), true) from jsonb_each_text(p_other) o
$$;

-- An insert that waited for the end of its own id was stamped before the tombstone was there; that one may have come from
-- MongoDB, with a version below the insert's which the insert has not seen all the same.
create or replace function switchyard.check_replicated_tombstones() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform switchyard.refuse_deleted(
    i.version <= t.version or not switchyard.includes(i.seen, t.seen),
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

-- As before. A tombstone from MongoDB may stand beside the row, which came while the row's insert was not to be seen yet: what is
-- left of both includes both.
create or replace function switchyard.bury_replicated() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_beside jsonb;
begin
  with gone as (
    delete from switchyard.tombstones t using deleted d
    where t.collection = tg_table_name and t.id = d.id and t.seen is not null
    returning t.id, t.seen, t.version
  )
  select jsonb_object_agg(g.id, jsonb_build_object('seen', g.seen, 'version', g.version)) into v_beside from gone g;
  insert into switchyard.tombstones (collection, user_id, id, version, seen, create_hash, deleted_at)
  select tg_table_name, (d.row ->> tg_argv[0])::uuid, d.id, d.next,
    d.seen || jsonb_build_object(switchyard.site()::text, d.next), d.create_hash, clock_timestamp()
  from (
    select o.id, o.create_hash, to_jsonb(o) as row,
      case when v_beside ? o.id::text then switchyard.merge_seen(o.seen, v_beside -> o.id::text -> 'seen') else o.seen end as seen,
      switchyard.next_version(greatest(o.version, (v_beside -> o.id::text ->> 'version')::bigint)) as next
    from deleted o
    offset 0
  ) d;
  return null;
end
$$;

-- As before, and by two arguments: the field by which tombstones name the owner, and the one that names the user whose
-- quota the rows count for.
create or replace function switchyard.bury_all_replicated() returns trigger
language plpgsql security definer set search_path = '' set timezone = 'UTC' set datestyle = 'ISO' as $$
begin
  execute format(
    'select switchyard.remove_usage(c.owner, c.records, c.bytes) from (
       select r.%I as owner, count(*) as records, sum((octet_length(r::text) / 64 + 1) * 64)::bigint as bytes
       from %s r group by 1 order by 1
     ) c',
    coalesce(tg_argv[1], tg_argv[0]), tg_relid::regclass
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

-- What comes from the other database was taken there: no quota refuses it here. It is counted like any other row.
create or replace function switchyard.add_usage(p_user_id uuid, p_records bigint, p_bytes bigint) returns void
language plpgsql set search_path = '' as $$
declare
  v_usage switchyard.user_usage;
  v_quota switchyard.quotas;
begin
  insert into switchyard.user_usage as u (user_id, records, bytes) values (p_user_id, p_records, greatest(p_bytes, 0))
  on conflict (user_id) do update
    set records = u.records + excluded.records, bytes = greatest(u.bytes + p_bytes, 0)
  returning * into v_usage;
  select * into v_quota from switchyard.quotas;
  if ((p_records > 0 and v_usage.records > v_quota.records) or (p_bytes > 0 and v_usage.bytes > v_quota.bytes))
    and not switchyard.is_applying() then
    raise exception 'This would make % records with % bytes, and one user may keep % with %.', v_usage.records, v_usage.bytes,
      coalesce(v_quota.records::text, 'any number'), coalesce(v_quota.bytes::text, 'any number')
      using errcode = 'SY507', hint = 'Delete records, or ask the operator for a larger quota.',
        detail = jsonb_build_object('records', v_usage.records, 'bytes', v_usage.bytes,
          'quota_records', v_quota.records, 'quota_bytes', v_quota.bytes)::text;
  end if;
end $$;

-- Of a deleted user, also what they have written that did not stay.
create or replace function switchyard.delete_records(p_user_id uuid, p_limit integer) returns integer
language plpgsql set search_path = '' as $$
declare
  v_deleted integer := 0;
  v_count integer;
  v_table record;
begin
  set constraints all deferred;
  for v_table in
    select 'public.' || quote_ident(name) as name, format('%I = $1', owner_column) as theirs, position
    from switchyard.collections where owner_column is not null
    union all
    select 'switchyard.tombstones', 'user_id = $1 and (seen is null or not (select is_on from switchyard.replication))', -1
    union all
    select 'switchyard.conflicts', '(owner = $1 or kept_owner = $1)', -2
    order by position desc
  loop
    exit when v_deleted >= p_limit;
    continue when to_regclass(v_table.name) is null;
    execute format(
      'delete from %1$s where ctid = any (array(select ctid from %1$s where %2$s limit $2))', v_table.name, v_table.theirs
    ) using p_user_id, p_limit - v_deleted;
    get diagnostics v_count = row_count;
    v_deleted := v_deleted + v_count;
  end loop;
  set constraints all immediate;
  return v_deleted;
end $$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.merge_seen(jsonb, jsonb)', 'switchyard.includes(jsonb, jsonb)', 'switchyard.check_replicated_tombstones()',
  'switchyard.bury_replicated()', 'switchyard.bury_all_replicated()', 'switchyard.add_usage(uuid, bigint, bigint)', 'switchyard.delete_records(uuid, integer)'
]::regprocedure[]) f;
