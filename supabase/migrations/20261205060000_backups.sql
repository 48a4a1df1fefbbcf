-- plane: control
-- What is known of backups: the manifests beside their parts are the truth, and this is the list that operators look at, which
-- says where those lie, and whether somebody has ever seen that they are whole (verified) and come back to life (drilled).
-- A row stays when its backup is pruned.

create table switchyard.backups (
  -- a folder or s3://bucket/prefix, without credentials
  place text not null check (length(place) between 1 and 1000),
  id text not null check (id ~ '^[A-Za-z0-9_.-]{1,100}$'),
  noted_at timestamptz not null default clock_timestamp(),
  kind text not null check (kind in ('full', 'incremental')),
  -- of the backup that this one goes on from
  parent_id text,
  -- of one user, or of some collections only; null: of everything
  part_of text,
  began_at timestamptz not null,
  -- null: it is being written, or whoever wrote it died
  ended_at timestamptz,
  databases text[] not null default '{}',
  records bigint,
  bytes bigint,
  is_encrypted boolean not null default false,
  -- every byte was read; what was wrong, if anything
  verified_at timestamptz,
  fault text,
  -- it was restored into databases of its own and compared, and how long that took
  drilled_at timestamptz,
  drill_ms bigint,
  pruned_at timestamptz,
  primary key (place, id)
);
create index backups_began_at on switchyard.backups (began_at, place, id);
alter table switchyard.backups enable row level security;
revoke all on switchyard.backups from public;

-- Facts by the names of the columns; those that are not named stay as they are. Said twice, the later stands.
create function public.switchyard_note_backup(p_place text, p_id text, p_facts jsonb) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  old switchyard.backups;
  new switchyard.backups;
begin
  -- two who note at the same time take turns, or the one would write over the other with what it had read before
  perform pg_advisory_xact_lock(hashtextextended('switchyard.backups ' || p_place || ' ' || p_id, 0));
  select * into old from switchyard.backups where place = p_place and id = p_id;
  new := jsonb_populate_record(old, p_facts - '{place,id,noted_at}'::text[]);
  new.place := p_place;
  new.id := p_id;
  new.noted_at := clock_timestamp();
  new.databases := coalesce(new.databases, '{}');
  new.is_encrypted := coalesce(new.is_encrypted, false);
  delete from switchyard.backups where place = p_place and id = p_id;
  insert into switchyard.backups select (new).*;
end $$;

-- Newest first, behind that one; and, of all that are not pruned, when the newest whole one that was verified began.
create function public.switchyard_backups(
  p_before_place text default null, p_before_id text default null, p_limit integer default 50
) returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'items', (
      select coalesce(jsonb_agg(to_jsonb(p) order by p.began_at desc, p.place desc, p.id desc), '[]') from (
        select b.* from switchyard.backups b
        where b.pruned_at is null and (p_before_id is null or (b.began_at, b.place, b.id) < (
          select c.began_at, c.place, c.id from switchyard.backups c where c.place = p_before_place and c.id = p_before_id
        ))
        order by b.began_at desc, b.place desc, b.id desc limit greatest(1, least(p_limit, 1000))
      ) p
    ),
    'newest_verified', (
      select max(began_at) from switchyard.backups
      where pruned_at is null and part_of is null and ended_at is not null and verified_at is not null and fault is null
    ),
    'newest_drilled', (
      select max(began_at) from switchyard.backups
      where pruned_at is null and part_of is null and drilled_at is not null and fault is null
    )
  )
$$;

select switchyard.seal_function(f, '{service_role}') from unnest(array[
  'public.switchyard_note_backup(text, text, jsonb)',
  'public.switchyard_backups(text, text, integer)'
]::regprocedure[]) f;

notify pgrst, 'reload schema';
