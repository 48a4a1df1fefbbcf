-- "Is this caller's home here?": the one place that says it, for the policies of every table whose rows live in their
-- owner's home. What decides, in this order:
--
-- the row     in public.user_database_assignments. The control plane has one of everyone who has a home; a data plane has
--             one of those only who are moving or have moved away: without it, a token from before would still fit.
-- the token   where there is no row, or one older than the token: app_metadata.home and home_epoch, signed by Auth.
--
-- PT421 and PT503 are HTTP statuses to PostgREST, and reach whoever calls the tables over REST as these. The functions for
-- records hand them on like their other refusals.
--   PT421  the token names this database, and the home is another one by now: an empty answer would look like lost data.
--          A new token (a refresh of the session) leads to the right one.
--   PT503  the home is being moved: reads go on, writes wait.

create function switchyard.is_home(p_writing boolean) returns boolean
language plpgsql stable parallel safe security definer set search_path = '' as $$
declare
  v_token jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata';
  v_epoch numeric := case when jsonb_typeof(v_token -> 'home_epoch') = 'number' then (v_token ->> 'home_epoch')::numeric end;
  v_self record;
begin
  select s.name, s.is_control, a.database_provider as home, a.epoch, a.state into v_self
  from switchyard.self s left join public.user_database_assignments a on a.user_id = auth.uid();
  if v_self.home is null or (not v_self.is_control and v_epoch > v_self.epoch) then
    -- in the control plane, who has no row has no home
    return coalesce(not v_self.is_control and v_token ->> 'home' = v_self.name, false);
  elsif v_self.home = v_self.name then
    if p_writing and v_self.state = 'moving' then
      raise exception 'Your data is being moved to another database. Try again in a moment.' using errcode = 'PT503';
    end if;
    return true;
  elsif v_token ->> 'home' = v_self.name then
    raise exception 'Your data has moved to another database since this session''s token was made.'
      using errcode = 'PT421', hint = 'Refresh the session and try again.';
  end if;
  return false;
end $$;
select switchyard.seal_function('switchyard.is_home(boolean)', '{authenticated}');

-- "Is this the database?", for the policies of tables that are pinned to one: a migration makes them in every Postgres, and in
-- the others they are closed. In a data plane the token has to be one of ours: it may be another Supabase project, which has
-- users of its own.
create function switchyard.is_here(p_database text) returns boolean
language sql stable parallel safe security definer set search_path = '' as $$
  select s.name = p_database and (
    s.is_control
    or nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'home' is not null
  ) from switchyard.self s
$$;
select switchyard.seal_function('switchyard.is_here(text)', '{authenticated}');

-- The tables that there are: their one policy named the home by a literal. By operation, because a home that is being moved
-- is read and not written. Both sides are looked up once a statement: that is what the selects are for. And the home stands
-- in an equality with the owner, of which Postgres then makes a condition that it looks at before it reads anything: beside
-- it ("... and is_home(false)") it was asked for each row that was found, so that one who has moved away got an empty list
-- where nothing of theirs is left, instead of PT421.
do $$
declare
  v_table record;
  v_mine constant text := 'user_id = (select auth.uid())'
    ' and user_id = (select case when switchyard.is_home(%s) then auth.uid() end)';
begin
  for v_table in
    select c.relname as name, p.polname as policy
    from switchyard.collections k
    join pg_catalog.pg_class c on c.oid = to_regclass(format('public.%I', k.name))
    join pg_catalog.pg_policy p on p.polrelid = c.oid and p.polname = c.relname || '_owner'
    where k.placement = 'home' and k.owner_column = 'user_id'
  loop
    execute format('drop policy %I on public.%I', v_table.policy, v_table.name);
    execute format('create policy %I on public.%I for select to authenticated using (%s)',
      v_table.name || '_select', v_table.name, format(v_mine, 'false'));
    execute format('create policy %I on public.%I for insert to authenticated with check (%s)',
      v_table.name || '_insert', v_table.name, format(v_mine, 'true'));
    execute format('create policy %I on public.%I for update to authenticated using (%s)',
      v_table.name || '_update', v_table.name, format(v_mine, 'true'));
    execute format('create policy %I on public.%I for delete to authenticated using (%s)',
      v_table.name || '_delete', v_table.name, format(v_mine, 'true'));
  end loop;
end $$;
