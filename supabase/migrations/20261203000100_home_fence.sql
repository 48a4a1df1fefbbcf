-- The fence around a home that is being moved: who may write in it, and how whoever moves it makes sure that nobody does.
--
-- Writers take a shared lock on the owner, and then look where the owner is at home; whoever moves takes the same lock for
-- itself alone, and then changes what they look at. So the lock first waits until everything that was under way is committed,
-- and what comes after sees the fence. (A look alone is not enough: a policy looks by the snapshot of its statement, which may
-- be older than the fence, and a writer that waited would go on with what was so before.)
--
-- state       moving: reads go on, writes are refused (PT503)
-- held_until  a pause that nobody ended lifts itself then; null: it is held until it is lifted
-- turn        of whoever set it: one who was too slow, and whose lease is another's by now, changes nothing
--
-- In the control plane the row of everybody's assignment is the fence. A data plane has a row of those only who are moving or
-- have moved, MongoDB a document (shared/mongo/fences.ts).

alter table public.user_database_assignments add column held_until timestamptz;
alter table public.user_database_assignments add column turn bigint not null default 0;

-- One number for all locks of this kind, and one for each owner; two owners of one number wait for each other's moves.
create function switchyard.fence_lock() returns integer
language sql immutable parallel safe set search_path = '' as $$ select 1398366027 $$;
create function switchyard.fence_lock_of(p_user_id uuid) returns integer
language sql immutable parallel safe set search_path = '' as $$ select hashtext(p_user_id::text) $$;

create function switchyard.is_held(p_state text, p_held_until timestamptz) returns boolean
language sql volatile parallel safe set search_path = '' as $$
  select p_state = 'moving' and (p_held_until is null or p_held_until > clock_timestamp())
$$;

-- The owner's fence as it is now, whatever the caller's snapshot says, and it stays so until the caller's transaction ends.
-- Above "read committed" a transaction has one snapshot for all of its statements: there the row itself is locked, which fails
-- (40001) when it was changed since.
create function switchyard.hold_fence(p_user_id uuid) returns public.user_database_assignments
language plpgsql volatile set search_path = '' as $$
declare
  v_fence public.user_database_assignments;
begin
  perform pg_advisory_xact_lock_shared(switchyard.fence_lock(), switchyard.fence_lock_of(p_user_id));
  if current_setting('transaction_isolation') = 'read committed' then
    select * into v_fence from public.user_database_assignments where user_id = p_user_id;
  else
    select * into v_fence from public.user_database_assignments where user_id = p_user_id for share;
  end if;
  return v_fence;
end $$;

-- As before (see *_revocations.sql); who is about to write takes the lock. And whoever asks with a token that is older than the
-- last move is told so, whichever home it names: an instance that knows of one move, and not of the next, asks here with a token
-- from before both, and an empty answer would look like lost data.
create or replace function switchyard.is_home(p_writing boolean) returns boolean
language plpgsql stable parallel safe security definer set search_path = '' as $$
declare
  v_claims jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  v_token jsonb := v_claims -> 'app_metadata';
  v_epoch numeric := case when jsonb_typeof(v_token -> 'home_epoch') = 'number' then (v_token ->> 'home_epoch')::numeric end;
  v_self record;
  v_fence public.user_database_assignments;
begin
  if p_writing then
    v_fence := switchyard.hold_fence(auth.uid());
    select s.name, s.is_control, v_fence.database_provider as home, v_fence.epoch as epoch,
      exists (select from switchyard.revocations r where r.user_id = auth.uid()) as has_entries into v_self
    from switchyard.self s;
  else
    select s.name, s.is_control, a.database_provider as home, a.epoch,
      exists (select from switchyard.revocations r where r.user_id = auth.uid()) as has_entries into v_self
    from switchyard.self s left join public.user_database_assignments a on a.user_id = auth.uid();
  end if;
  if v_self.has_entries then
    perform switchyard.refuse_revoked(auth.uid(), v_claims);
  end if;
  if v_self.home is null or (not v_self.is_control and v_epoch > v_self.epoch) then
    -- in the control plane, who has no row has no home
    return coalesce(not v_self.is_control and v_token ->> 'home' = v_self.name, false);
  elsif v_self.home = v_self.name then
    if p_writing and switchyard.is_held(v_fence.state, v_fence.held_until) then
      raise exception 'Your data is being moved to another database. Try again in a moment.' using errcode = 'PT503';
    end if;
    return true;
  elsif v_token ->> 'home' = v_self.name or (v_self.epoch > 1 and coalesce(v_epoch, 0) < v_self.epoch) then
    raise exception 'Your data has moved to another database since this session''s token was made.'
      using errcode = 'PT421', hint = 'Refresh the session and try again.';
  end if;
  return false;
end $$;

-- Whoever writes past row-level security (the operator, by hand) is refused where an owner is moving, or has moved away.
-- There may be many owners in one statement, so it is one lock for all of them, for which a move waits, too.
create function switchyard.refuse_moving(p_users uuid[]) returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_user uuid;
begin
  perform pg_advisory_xact_lock_shared(switchyard.fence_lock(), 0);
  select a.user_id into v_user
  from public.user_database_assignments a, switchyard.self s
  where a.user_id = any (p_users) and (
    (a.database_provider = s.name and switchyard.is_held(a.state, a.held_until))
    or (a.database_provider <> s.name and a.epoch > 1)
  )
  limit 1;
  if found then
    raise exception 'The records of user % are being moved, or have moved to another database.', v_user
      using errcode = 'PT503', hint = 'See switchyard homes moves status, and write where the user is at home.';
  end if;
end $$;

-- Rows that come from another home keep what they have there: see *_replicated_rows.sql, which only the control plane has.
create table if not exists switchyard.apply_secret (
  is_the_only_row boolean primary key default true check (is_the_only_row),
  secret text not null
);
insert into switchyard.apply_secret (secret) values (gen_random_uuid() || '-' || gen_random_uuid()) on conflict do nothing;
alter table switchyard.apply_secret enable row level security;

create or replace function switchyard.is_applying() returns boolean
language sql stable set search_path = '' as $$
  select coalesce(current_setting('switchyard.applying', true), '') <> ''
    and current_setting('switchyard.applying', true) = (select secret from switchyard.apply_secret)
$$;

-- As before (see *_owners.sql, and *_quotas.sql and *_two_way_rows.sql), but for rows that come from another home.
create or replace function switchyard.stamp_record() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  owner uuid;
  owner_before uuid;
  previous bigint := 0;
  made_by text;
begin
  -- (the setting is looked at here, because a call costs each row more)
  if coalesce(current_setting('switchyard.applying', true), '') <> '' and switchyard.is_applying() then
    return new;
  end if;
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

create or replace function switchyard.check_tombstones() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- whoever brings rows from another home sees to the tombstones
  if switchyard.is_applying() then
    return null;
  end if;
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
  if switchyard.is_applying() then
    return null;
  end if;
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
  -- what a user has been allowed to keep at one home is not refused at another, where it may take a little more
  if ((p_records > 0 and v_usage.records > v_quota.records) or (p_bytes > 0 and v_usage.bytes > v_quota.bytes))
    and not switchyard.is_applying() then
    raise exception 'This would make % records with % bytes, and one user may keep % with %.', v_usage.records, v_usage.bytes,
      coalesce(v_quota.records::text, 'any number'), coalesce(v_quota.bytes::text, 'any number')
      using errcode = 'SY507', hint = 'Delete records, or ask the operator for a larger quota.',
        detail = jsonb_build_object('records', v_usage.records, 'bytes', v_usage.bytes,
          'quota_records', v_quota.records, 'quota_bytes', v_quota.bytes)::text;
  end if;
end $$;

create or replace function switchyard.count_usage() returns trigger
language plpgsql security definer set search_path = '' set timezone = 'UTC' set datestyle = 'ISO' as $$
begin
  -- who writes as a user has been looked at by the policies
  if tg_nargs = 0 and current_setting('role', true) is distinct from 'authenticated' and not switchyard.is_applying()
    and exists (select from switchyard.collections c where c.name = tg_table_name and c.placement = 'home') then
    if tg_op = 'INSERT' then
      perform switchyard.refuse_moving(array(select distinct r.user_id from inserted r));
    elsif tg_op = 'UPDATE' then
      perform switchyard.refuse_moving(array(select distinct r.user_id from updated_to r));
    else
      perform switchyard.refuse_moving(array(select distinct r.user_id from deleted r));
    end if;
  end if;
  if tg_op = 'INSERT' and tg_nargs = 0 then
    perform switchyard.add_usage(c.owner, c.records, c.bytes) from (
      select r.user_id as owner, count(*) as records, sum((octet_length(r::text) / 64 + 1) * 64)::bigint as bytes
      from inserted r group by 1 order by 1
    ) c;
  elsif tg_op = 'INSERT' then
    perform switchyard.add_usage(c.owner, c.records, c.bytes) from (
      select (to_jsonb(r) ->> tg_argv[0])::uuid as owner, count(*) as records, sum((octet_length(r::text) / 64 + 1) * 64)::bigint as bytes
      from inserted r group by 1 order by 1
    ) c;
  elsif tg_op = 'UPDATE' and tg_nargs = 0 then
    perform switchyard.add_usage(c.owner, 0, c.bytes) from (
      select s.owner, sum(s.bytes)::bigint as bytes from (
        select r.user_id as owner, (octet_length(r::text) / 64 + 1) * 64 as bytes from updated_to r
        union all select r.user_id, (octet_length(r::text) / 64 + 1) * -64 from updated_from r
      ) s group by 1 having sum(s.bytes) <> 0 order by 1
    ) c;
  elsif tg_op = 'UPDATE' then
    perform switchyard.add_usage(c.owner, 0, c.bytes) from (
      select s.owner, sum(s.bytes)::bigint as bytes from (
        select (to_jsonb(r) ->> tg_argv[0])::uuid as owner, (octet_length(r::text) / 64 + 1) * 64 as bytes from updated_to r
        union all select (to_jsonb(r) ->> tg_argv[0])::uuid, (octet_length(r::text) / 64 + 1) * -64 from updated_from r
      ) s group by 1 having sum(s.bytes) <> 0 order by 1
    ) c;
  elsif tg_nargs = 0 then
    perform switchyard.remove_usage(c.owner, c.records, c.bytes) from (
      select r.user_id as owner, count(*) as records, sum((octet_length(r::text) / 64 + 1) * 64)::bigint as bytes
      from deleted r group by 1 order by 1
    ) c;
  else
    perform switchyard.remove_usage(c.owner, c.records, c.bytes) from (
      select (to_jsonb(r) ->> tg_argv[0])::uuid as owner, count(*) as records, sum((octet_length(r::text) / 64 + 1) * 64)::bigint as bytes
      from deleted r group by 1 order by 1
    ) c;
  end if;
  return null;
end $$;

-- A deleted user's fence goes with their records, before them: it would refuse the deletion, and whoever is still moving them
-- here is refused without it.
create or replace function public.switchyard_purge_records(p_user_id uuid, p_batch_size integer default 1000) returns integer
language plpgsql security definer set search_path = '' as $$
begin
  if (select is_control from switchyard.self) then
    if exists (select from auth.users where id = p_user_id and deleted_at is null) then
      return 0;
    end if;
  else
    perform pg_advisory_xact_lock(switchyard.fence_lock(), switchyard.fence_lock_of(p_user_id));
    delete from public.user_database_assignments where user_id = p_user_id;
  end if;
  begin
    return switchyard.delete_records(p_user_id, greatest(1, least(p_batch_size, 100000)));
  exception when foreign_key_violation then
    -- records that refer to their own kind, cut apart by the batch: all at once then
    return switchyard.delete_records(p_user_id, 2147483647);
  end;
end $$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.fence_lock()', 'switchyard.fence_lock_of(uuid)', 'switchyard.is_held(text, timestamptz)',
  'switchyard.hold_fence(uuid)', 'switchyard.refuse_moving(uuid[])', 'switchyard.is_applying()'
]::regprocedure[]) f;

notify pgrst, 'reload schema';
