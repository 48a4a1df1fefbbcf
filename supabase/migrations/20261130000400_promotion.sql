-- plane: control
-- Collections that are written in their copy while this database is away. The operator decides so there, where this database
-- cannot be asked; what it knows of it, it learns once it is back, by the first step of bringing everything home. From then on
-- it takes no writes of them but those that come from there. What it has taken before and the copy has not seen becomes a
-- conflict, and nothing is lost.

create table switchyard.placements (
  collection text primary key,
  -- of switchyard.databases: where it is written
  primary_database text not null,
  -- one more with each change, here and there
  epoch bigint not null,
  changed_at timestamptz not null default clock_timestamp()
);
alter table switchyard.placements enable row level security;

-- For each statement: also one that deletes, and TRUNCATE.
create function switchyard.refuse_promoted() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if exists (
    select from switchyard.placements p
    where p.collection = tg_table_name and p.primary_database <> (select name from switchyard.self)
  ) and not switchyard.is_applying() then
    raise exception '% is written in its copy until that was brought home.', tg_table_name
      using errcode = 'PT503', hint = format('The operator runs: switchyard replication demote %s', tg_table_name);
  end if;
  return null;
end
$$;

-- Says where a collection is written, unless something later is known: {"primary", "epoch"} as it is by then.
create function public.switchyard_replication_place(p_collection text, p_database text, p_epoch bigint) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_place switchyard.placements;
begin
  if p_collection not in (select switchyard.replicated_collections()) then
    raise exception 'no collection "%" has a copy', p_collection using errcode = 'PT404';
  end if;
  if not exists (select from switchyard.databases where name = p_database) then
    raise exception 'there is no database "%"', left(p_database, 100) using errcode = 'invalid_parameter_value';
  end if;
  insert into switchyard.placements as p (collection, primary_database, epoch) values (p_collection, p_database, p_epoch)
  on conflict (collection) do update
    set primary_database = excluded.primary_database, epoch = excluded.epoch, changed_at = clock_timestamp()
    where p.epoch < excluded.epoch;
  select * into v_place from switchyard.placements where collection = p_collection;
  return jsonb_build_object('primary', v_place.primary_database, 'epoch', v_place.epoch);
end
$$;

-- What was ever written in its copy may have come late: it is taken, and weighed, for good.
create function switchyard.takes_both(p_collection switchyard.collections) returns boolean
language sql stable set search_path = '' as $$
  select p_collection.takes_writes_behind or exists (select from switchyard.placements where collection = p_collection.name)
$$;

-- Does a row refer to a record that was deleted here? A child that was made in the copy waits for its parent otherwise, for ever.
create function switchyard.has_deleted_parent(p_collection text, p_row jsonb) returns boolean
language sql stable set search_path = '' as $$
  select exists (
    select from pg_catalog.pg_constraint c
    join pg_catalog.pg_class t on t.oid = c.confrelid
    join pg_catalog.pg_attribute a on a.attrelid = c.conrelid and a.attnum = any (c.conkey)
    join switchyard.tombstones g on g.collection = t.relname and g.id::text = p_row ->> a.attname and g.seen is not null
    where c.conrelid = format('public.%I', p_collection)::regclass and c.contype = 'f'
  )
$$;

do $$
declare
  v_name text;
begin
  for v_name in select name from switchyard.collections where placement = 'replicated' order by position loop
    execute format(
      'create trigger switchyard_fence before insert or update or delete or truncate on public.%I
         for each statement execute function switchyard.refuse_promoted()',
      v_name
    );
    execute format('alter table public.%I enable always trigger switchyard_fence', v_name);
  end loop;
end $$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.refuse_promoted()', 'switchyard.takes_both(switchyard.collections)', 'switchyard.has_deleted_parent(text, jsonb)'
]::regprocedure[]) f;
select switchyard.seal_function('public.switchyard_replication_place(text, text, bigint)', '{service_role}');
notify pgrst, 'reload schema';
