-- plane: control
-- Of all that copy, one stays for a while and takes what comes meanwhile; the others go when they have nothing left to do.

-- Apart from switchyard.replication, which every writer reads: of a row that is updated again and again they would read through
-- all versions while an old transaction is open.
create table switchyard.replication_attendance (
  is_the_only_row boolean primary key default true check (is_the_only_row),
  until timestamptz not null
);
insert into switchyard.replication_attendance (until) values ('-infinity');
alter table switchyard.replication_attendance enable row level security;

-- True for one caller within p_ms milliseconds (a minute at most). One that would end later than that is from before the clock was
-- set back.
create function public.switchyard_replication_attend(p_ms integer) returns boolean
language sql volatile security definer set search_path = '' as $$
  with taken as (
    update switchyard.replication_attendance
    set until = clock_timestamp() + make_interval(secs => greatest(0, least(p_ms, 60000)) / 1000.0)
    where until not between clock_timestamp() and clock_timestamp() + interval '1 minute'
    returning 1
  )
  select exists (select from taken)
$$;
select switchyard.seal_function('public.switchyard_replication_attend(integer)', '{service_role}');
notify pgrst, 'reload schema';
