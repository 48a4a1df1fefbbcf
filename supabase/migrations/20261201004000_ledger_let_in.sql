-- plane: control
-- Sessions that have ended read nothing of money and of what is private either.
do $$
declare
  v_table text;
begin
  foreach v_table in array '{ledger_accounts,ledger_entries,ledger_transfers,private_profiles}'::text[] loop
    execute format(
      'create policy "ended sessions see nothing" on public.%I as restrictive for select to authenticated
       using ((select switchyard.is_let_in()))', v_table
    );
  end loop;
end $$;
