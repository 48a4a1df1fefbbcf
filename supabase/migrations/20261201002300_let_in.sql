-- plane: control
-- The one table of users' own that asked nobody whether its reader's session has ended. For tables to come, too:
-- `(select switchyard.is_let_in())` in a policy is true, or a 401 to PostgREST, once in a statement.
create function switchyard.is_let_in() returns boolean
language plpgsql stable parallel safe security definer set search_path = '' as $$
begin
  if exists (select from switchyard.revocations r where r.user_id = auth.uid()) then
    perform switchyard.refuse_revoked(auth.uid(), nullif(current_setting('request.jwt.claims', true), '')::jsonb);
  end if;
  return true;
end $$;
select switchyard.seal_function('switchyard.is_let_in()', '{authenticated}');

create policy "ended sessions see nothing" on public.user_database_assignments
  as restrictive for select to authenticated using ((select switchyard.is_let_in()));
