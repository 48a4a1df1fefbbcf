-- What a record and the ones that it refers to keep together: an expense is filed under a category for expenses, and a category
-- that is in use keeps its kind; a payment has the decimals of its loan's currency, and a loan with payments keeps that.
--
-- Who refers takes the row that it refers to "for key share", as a foreign key does, and reads it as it is then. Who changes
-- such a row takes it "for update" before it looks for records that refer to it. These two wait for each other, so whichever
-- comes second sees what the first has done.
--
-- They run with their owner's rights, because the schema is closed to users. The owner of a record that they read is that of the
-- row that is written, at which row-level security has looked by then, so they tell nobody of anything that is not theirs.
--
-- Records that are against this already stay as they are, until their reference is written.

-- Arguments: the constraint's name, the owner's column, the reference; the collection that it leads to, the owner's column
-- there, and what has to be so there, as JSON. A row that is not there is the foreign key's to refuse, which comes first.
create function switchyard.check_parent() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_row constant jsonb := to_jsonb(new);
  v_fits boolean;
begin
  execute format(
    'select to_jsonb(p) @> $3 from %I.%I p where p.%I = $1 and p.id = $2 for key share', tg_table_schema, tg_argv[3], tg_argv[4]
  ) into v_fits using (v_row ->> tg_argv[1])::uuid, (v_row ->> tg_argv[2])::uuid, tg_argv[5]::jsonb;
  if not v_fits then
    raise exception '% leads to a record of % that is not %', tg_argv[2], tg_argv[3], tg_argv[5]
      using errcode = 'check_violation', constraint = tg_argv[0], table = tg_table_name, schema = tg_table_schema,
        column = tg_argv[2];
  end if;
  return null;
end $$;

-- The same for an amount whose currency stands in the record that is referred to: the last arguments are the currency's column
-- there and the amount's here.
create function switchyard.check_parent_currency() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_row constant jsonb := to_jsonb(new);
  v_fits boolean;
begin
  execute format(
    'select switchyard.fits_currency($3, p.%I) from %I.%I p where p.%I = $1 and p.id = $2 for key share',
    tg_argv[5], tg_table_schema, tg_argv[3], tg_argv[4]
  ) into v_fits using (v_row ->> tg_argv[1])::uuid, (v_row ->> tg_argv[2])::uuid, (v_row ->> tg_argv[6])::numeric;
  if not v_fits then
    raise exception '% has more decimals than its currency', tg_argv[6]
      using errcode = 'check_violation', constraint = tg_argv[0], table = tg_table_name, schema = tg_table_schema,
        column = tg_argv[6];
  end if;
  return null;
end $$;

-- Arguments: the constraint's name, the owner's column. Who refers, and by which columns, say the foreign keys.
create function switchyard.keep_while_referenced() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_owner constant uuid := to_jsonb(old) ->> tg_argv[1];
  v_reference record;
  v_is_referenced boolean;
begin
  execute format('select from %I.%I t where t.%I = $1 and t.id = $2 for update', tg_table_schema, tg_table_name, tg_argv[1])
    using v_owner, old.id;
  for v_reference in
    select c.conrelid::regclass as child, c.conrelid = c.confrelid as is_own,
      max(a.attname) filter (where p.attname = 'id') as field, max(a.attname) filter (where p.attname <> 'id') as owner
    from pg_catalog.pg_constraint c
    cross join unnest(c.conkey, c.confkey) as k(here, there)
    join pg_catalog.pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.here
    join pg_catalog.pg_attribute p on p.attrelid = c.confrelid and p.attnum = k.there
    where c.confrelid = tg_relid and c.contype = 'f'
    group by c.oid, c.conrelid, c.confrelid
  loop
    execute format(
      'select exists (select from %s t where t.%I = $1 and t.%I = $2 and not ($3 and t.id = $2))',
      v_reference.child, v_reference.owner, v_reference.field
    ) into v_is_referenced using v_owner, old.id, v_reference.is_own;
    if v_is_referenced then
      raise exception 'this is fixed while records of % refer to the record', v_reference.child
        using errcode = 'restrict_violation', constraint = tg_argv[0], table = tg_table_name, schema = tg_table_schema;
    end if;
  end loop;
  return new;
end $$;

select switchyard.seal_function(f) from unnest(array[
  'switchyard.check_parent()', 'switchyard.check_parent_currency()', 'switchyard.keep_while_referenced()'
]::regprocedure[]) f;

-- As printed for each collection. Like foreign keys they rest in a session that replicates.
create trigger switchyard_kind_fixed before update of kind on public.categories
  for each row when (old.kind is distinct from new.kind) execute function switchyard.keep_while_referenced('categories_kind_fixed', 'user_id');
create trigger switchyard_category_id_where after insert or update of category_id on public.expenses
  for each row when (new.category_id is not null) execute function switchyard.check_parent('expenses_category_id_where', 'user_id', 'category_id', 'categories', 'user_id', '{"kind":"expense"}');
create trigger switchyard_category_id_where after insert or update of category_id on public.incomes
  for each row when (new.category_id is not null) execute function switchyard.check_parent('incomes_category_id_where', 'user_id', 'category_id', 'categories', 'user_id', '{"kind":"income"}');
create trigger switchyard_category_id_where after insert or update of category_id on public.budgets
  for each row when (new.category_id is not null) execute function switchyard.check_parent('budgets_category_id_where', 'user_id', 'category_id', 'categories', 'user_id', '{"kind":"expense"}');
create trigger switchyard_currency_fixed before update of currency on public.loans
  for each row when (old.currency is distinct from new.currency) execute function switchyard.keep_while_referenced('loans_currency_fixed', 'user_id');
create trigger switchyard_amount_decimals after insert or update of amount, loan_id on public.loan_payments
  for each row when (new.loan_id is not null) execute function switchyard.check_parent_currency('loan_payments_amount_decimals', 'user_id', 'loan_id', 'loans', 'user_id', 'currency', 'amount');
