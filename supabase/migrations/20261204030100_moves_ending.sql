-- plane: control
-- How moves are given up and cleaned, said once; and the function `moves` is not called again and again for what it cannot do.

-- The next step of each of these moves is due now. How many had one.
create function switchyard.hurry_moves(p_moves bigint[]) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_count integer;
begin
  update switchyard.tasks t set due_at = clock_timestamp()
  from switchyard.moves m
  where m.id = any (p_moves) and t.queue = 'move' and t.subject = m.user_id and (t.payload ->> 'move')::bigint = m.id
    and t.done_at is null;
  get diagnostics v_count = row_count;
  return v_count;
end $$;

-- As before (see *_moves.sql).
create or replace function public.switchyard_abort_moves(p_users uuid[] default null) returns integer
language sql volatile security definer set search_path = '' as $$
  with given_up as (
    update switchyard.moves set state = 'aborting'
    where state in ('announced', 'copying') and (p_users is null or user_id = any (p_users))
    returning id
  )
  select switchyard.hurry_moves(array(select id from given_up))
$$;

create or replace function public.switchyard_clean_moves(p_users uuid[] default null) returns integer
language sql volatile security definer set search_path = '' as $$
  with let_go as (
    update switchyard.moves set kept_until = clock_timestamp()
    where state = 'kept' and (p_users is null or user_id = any (p_users))
    returning id
  )
  select switchyard.hurry_moves(array(select id from let_go))
$$;

-- Claims of moves. (A sequence, because those who claim do not wait for one another.)
create sequence switchyard.move_claims;

-- The last call of the function `moves`, and how long to wait for the next one where nothing has come of it.
create table switchyard.moves_wakes (
  is_the_only_row boolean primary key default true check (is_the_only_row),
  woken_at timestamptz not null default '-infinity',
  claims bigint not null default 0,
  wait_seconds integer not null default 5
);
insert into switchyard.moves_wakes default values;
alter table switchyard.moves_wakes enable row level security;

create function switchyard.count_move_claim() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform nextval('switchyard.move_claims');
  return null;
end $$;
create trigger moves_claimed after update of attempts on switchyard.tasks
for each row when (new.queue = 'move' and new.attempts > old.attempts) execute function switchyard.count_move_claim();

-- As before, but where the last call has claimed nothing, and nothing has become due since, because what is due is between
-- databases that the function does not know, the next one comes after twice the time, and after five minutes at most.
create or replace function switchyard.moves_tick() returns void
language plpgsql set search_path = '' as $$
declare
  v_wake switchyard.moves_wakes;
  v_claims bigint;
begin
  if public.switchyard_due_databases('move') = '{}' then
    return;
  end if;
  select * into v_wake from switchyard.moves_wakes for update;
  select case when is_called then last_value else 0 end into v_claims from switchyard.move_claims;
  if v_claims > v_wake.claims or exists (
    select from switchyard.tasks t where t.queue = 'move' and t.due_at > v_wake.woken_at and switchyard.is_due(t)
  ) then
    v_wake.wait_seconds := 5;
  elsif clock_timestamp() < v_wake.woken_at + make_interval(secs => v_wake.wait_seconds) then
    return;
  else
    v_wake.wait_seconds := least(v_wake.wait_seconds * 2, 300);
  end if;
  update switchyard.moves_wakes set woken_at = clock_timestamp(), claims = v_claims, wait_seconds = v_wake.wait_seconds;
  perform switchyard.wake_function('moves');
exception when others then
  raise warning 'switchyard: moves wait: %', sqlerrm;
end $$;

select switchyard.seal_function('switchyard.hurry_moves(bigint[])'::regprocedure);
select switchyard.seal_function('switchyard.count_move_claim()'::regprocedure);
