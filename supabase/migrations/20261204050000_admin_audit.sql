-- plane: control
-- What operators have changed, when and why: a line before each change, and its outcome in a table of its own after it, so
-- that nothing has to be written over, and a change whose maker died in between stands there without an outcome. Whoever
-- cannot write the line does not make the change. Lines stay: also the owner of the tables has to take the triggers away
-- before anything can be changed or deleted here.

create table switchyard.admin_audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  -- the user of the token, and their address by then; of a command no user, and what its machine calls whoever typed it
  actor_id uuid,
  actor text not null,
  via text not null check (via in ('api', 'command')),
  -- "POST /api/admin/moves", "homes move"
  action text not null,
  -- ids of users and what else the path and the body name
  subjects text[] not null,
  asked jsonb not null,
  reason text,
  request_id text
);
create index admin_audit_actor on switchyard.admin_audit (actor_id, id);
create index admin_audit_subjects on switchyard.admin_audit using gin (subjects);

create table switchyard.admin_audit_outcomes (
  audit_id bigint primary key references switchyard.admin_audit (id),
  at timestamptz not null default clock_timestamp(),
  -- HTTP's of a request, the exit code of a command
  status integer not null,
  -- of the problem; null: there was none
  code text,
  affected bigint
);

alter table switchyard.admin_audit enable row level security;
alter table switchyard.admin_audit_outcomes enable row level security;
revoke all on switchyard.admin_audit, switchyard.admin_audit_outcomes from public;

create function switchyard.keep_as_it_is() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise exception '%.% is only added to.', tg_table_schema, tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger switchyard_only_added_to before update or delete or truncate on switchyard.admin_audit
  for each statement execute function switchyard.keep_as_it_is();
create trigger switchyard_only_added_to before update or delete or truncate on switchyard.admin_audit_outcomes
  for each statement execute function switchyard.keep_as_it_is();
alter table switchyard.admin_audit enable always trigger switchyard_only_added_to;
alter table switchyard.admin_audit_outcomes enable always trigger switchyard_only_added_to;

-- Before a change. Its number.
create function public.switchyard_admin_note(
  p_actor_id uuid, p_actor text, p_via text, p_action text, p_subjects text[], p_asked jsonb default '{}',
  p_reason text default null, p_request text default null
) returns bigint
language sql volatile security definer set search_path = '' as $$
  insert into switchyard.admin_audit (actor_id, actor, via, action, subjects, asked, reason, request_id)
  values (p_actor_id, left(p_actor, 320), p_via, left(p_action, 200), p_subjects, p_asked, left(p_reason, 500), left(p_request, 64))
  returning id
$$;

-- After it. Said twice, the first stays.
create function public.switchyard_admin_note_outcome(
  p_audit bigint, p_status integer, p_code text default null, p_affected bigint default null
) returns void
language sql volatile security definer set search_path = '' as $$
  insert into switchyard.admin_audit_outcomes (audit_id, status, code, affected)
  values (p_audit, p_status, left(p_code, 100), p_affected) on conflict (audit_id) do nothing
$$;

-- Newest first, behind that number. p_actor: an id, or part of an address or name; p_action: part of it.
create function public.switchyard_admin_audit(
  p_actor text default null, p_action text default null, p_subject text default null, p_before bigint default null,
  p_limit integer default 50
) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(p) order by p.id desc), '[]') from (
    select a.id, a.at, a.actor_id, a.actor, a.via, a.action, a.subjects, a.asked, a.reason, a.request_id,
      case when o.audit_id is not null then
        jsonb_build_object('at', o.at, 'status', o.status, 'code', o.code, 'affected', o.affected)
      end as outcome
    from switchyard.admin_audit a left join switchyard.admin_audit_outcomes o on o.audit_id = a.id
    where (p_before is null or a.id < p_before)
      and (p_actor is null or a.actor_id::text = lower(p_actor) or position(lower(p_actor) in lower(a.actor)) > 0)
      and (p_action is null or position(lower(p_action) in lower(a.action)) > 0)
      and (p_subject is null or a.subjects @> array[p_subject])
    order by a.id desc limit greatest(1, least(p_limit, 1000))
  ) p
$$;

select switchyard.seal_function('switchyard.keep_as_it_is()'::regprocedure);
select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_admin_note(uuid, text, text, text, text[], jsonb, text, text)',
  'public.switchyard_admin_note_outcome(bigint, integer, text, bigint)',
  'public.switchyard_admin_audit(text, text, text, bigint, integer)'
]::regprocedure[]) f;

notify pgrst, 'reload schema';
