-- The tables hold every rule of the definitions: text is trimmed, visible and null where it is empty; addresses and currencies
-- are some; amounts have their currency's decimals, and may be below zero where a refund is one; days stand in their order.
--
-- What is there already: text is trimmed, and made null where nothing of it can be seen. Everything else stays as it is,
-- readable and deletable: the constraints are added "not valid", which lets old rows be, and validated where no row is against
-- them. Whoever changes an old row that is against one has to mend it.

do $$
declare
  v_field record;
  v_white_space constant text := E'\u0009\u000a\u000b\u000c\u000d\u0020\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff';
  v_visible constant text := '[^\U00000009-\U0000000d\U00000020\U000000a0\U00001680\U00002000-\U0000200a\U00002028-\U00002029\U0000202f\U0000205f\U00003000\U0000feff\U00000001-\U0000001f\U0000007f-\U0000009f\U000000ad\U0000061c\U0000180b-\U0000180f\U0000200b-\U0000200f\U0000202a-\U0000202e\U00002060-\U0000206f\U0000fe00-\U0000fe0f\U0000fff0-\U0000fffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U00000300-\U0000036f\U00000483-\U00000489\U00001ab0-\U00001aff\U00001dc0-\U00001dff\U000020d0-\U000020ff\U00003099-\U0000309a\U0000fe20-\U0000fe2f\U0000115f-\U00001160\U000017b4-\U000017b5\U00002800\U00003164\U0000ffa0]';
begin
  for v_field in
    select * from (values
      ('categories', 'name', false),
      ('categories', 'color', true),
      ('categories', 'icon', true),
      ('expenses', 'description', true),
      ('expenses', 'payment_method', true),
      ('incomes', 'source', true),
      ('incomes', 'description', true),
      ('budgets', 'name', false),
      ('contacts', 'name', false),
      ('contacts', 'email', true),
      ('contacts', 'phone', true),
      ('contacts', 'note', true),
      ('loans', 'description', true),
      ('loan_payments', 'note', true)
    ) as f (collection, name, is_optional)
  loop
    -- the second condition leaves a required text alone of which nothing would be left
    execute format(
      'update public.%1$I set %2$I = case when %2$I ~ $1 then btrim(%2$I, $2) end
       where (%2$I <> btrim(%2$I, $2) or not %2$I ~ $1) and (%3$L or %2$I ~ $1)',
      v_field.collection, v_field.name, v_field.is_optional
    ) using v_visible, v_white_space;
  end loop;
  update public.expenses set tags = coalesce((
    select array_agg(l.label order by l.place) from (
      select btrim(t.tag, v_white_space) as label, min(t.place) as place
      from unnest(tags) with ordinality as t(tag, place) where t.tag ~ v_visible group by 1
    ) l
  ), '{}') where not switchyard.are_tags(tags, 20, 50);
end $$;

-- Each table in one statement: none is without a rule in between.
alter table public.categories
  drop constraint categories_name_check,
  add constraint categories_name_check check (switchyard.is_text(name, 1, 200)) not valid,
  drop constraint categories_color_check,
  add constraint categories_color_check check (switchyard.is_text(color, 1, 2000)) not valid,
  drop constraint categories_icon_check,
  add constraint categories_icon_check check (switchyard.is_text(icon, 1, 2000)) not valid;

alter table public.expenses
  drop constraint expenses_amount_check,
  add constraint expenses_amount_check check (amount <> 0 and amount <> 'NaN') not valid,
  drop constraint expenses_currency_check,
  add constraint expenses_currency_check check (switchyard.currency_decimals(currency) is not null) not valid,
  drop constraint expenses_description_check,
  add constraint expenses_description_check check (switchyard.is_text(description, 1, 2000)) not valid,
  drop constraint expenses_payment_method_check,
  add constraint expenses_payment_method_check check (switchyard.is_text(payment_method, 1, 2000)) not valid,
  add constraint expenses_amount_decimals check (switchyard.fits_currency(amount, currency)) not valid,
  add constraint expenses_currency_in_use check (date <= coalesce(switchyard.currency_end(currency), 'infinity')) not valid;

alter table public.incomes
  drop constraint incomes_amount_check,
  add constraint incomes_amount_check check (amount <> 0 and amount <> 'NaN') not valid,
  drop constraint incomes_currency_check,
  add constraint incomes_currency_check check (switchyard.currency_decimals(currency) is not null) not valid,
  drop constraint incomes_source_check,
  add constraint incomes_source_check check (switchyard.is_text(source, 1, 2000)) not valid,
  drop constraint incomes_description_check,
  add constraint incomes_description_check check (switchyard.is_text(description, 1, 2000)) not valid,
  add constraint incomes_amount_decimals check (switchyard.fits_currency(amount, currency)) not valid,
  add constraint incomes_currency_in_use check (date <= coalesce(switchyard.currency_end(currency), 'infinity')) not valid;

alter table public.budgets
  drop constraint budgets_name_check,
  add constraint budgets_name_check check (switchyard.is_text(name, 1, 200)) not valid,
  drop constraint budgets_amount_check,
  add constraint budgets_amount_check check (amount > 0 and amount <> 'NaN') not valid,
  drop constraint budgets_currency_check,
  add constraint budgets_currency_check check (switchyard.currency_decimals(currency) is not null) not valid,
  add constraint budgets_ends_on_not_before check (ends_on >= starts_on) not valid,
  add constraint budgets_amount_decimals check (switchyard.fits_currency(amount, currency)) not valid,
  add constraint budgets_currency_in_use check (starts_on <= coalesce(switchyard.currency_end(currency), 'infinity')) not valid;

alter table public.contacts
  drop constraint contacts_name_check,
  add constraint contacts_name_check check (switchyard.is_text(name, 1, 200)) not valid,
  drop constraint contacts_email_check,
  add constraint contacts_email_check check (switchyard.is_text(email, 1, 320) and switchyard.is_email(email)) not valid,
  drop constraint contacts_phone_check,
  add constraint contacts_phone_check check (switchyard.is_text(phone, 1, 2000)) not valid,
  drop constraint contacts_note_check,
  add constraint contacts_note_check check (switchyard.is_text(note, 1, 2000)) not valid;

alter table public.loans
  drop constraint loans_amount_check,
  add constraint loans_amount_check check (amount > 0 and amount <> 'NaN') not valid,
  drop constraint loans_currency_check,
  add constraint loans_currency_check check (switchyard.currency_decimals(currency) is not null) not valid,
  drop constraint loans_description_check,
  add constraint loans_description_check check (switchyard.is_text(description, 1, 2000)) not valid,
  add constraint loans_due_on_not_before check (due_on >= date) not valid,
  add constraint loans_amount_decimals check (switchyard.fits_currency(amount, currency)) not valid,
  add constraint loans_currency_in_use check (date <= coalesce(switchyard.currency_end(currency), 'infinity')) not valid;

alter table public.loan_payments
  drop constraint loan_payments_amount_check,
  add constraint loan_payments_amount_check check (amount > 0 and amount <> 'NaN') not valid,
  drop constraint loan_payments_note_check,
  add constraint loan_payments_note_check check (switchyard.is_text(note, 1, 2000)) not valid;

do $$
declare
  v_constraint record;
begin
  for v_constraint in
    select c.conrelid::regclass as collection, c.conname as name
    from pg_catalog.pg_constraint c
    join switchyard.collections k on c.conrelid = to_regclass(format('public.%I', k.name))
    where c.contype = 'c' and not c.convalidated
  loop
    begin
      execute format('alter table %s validate constraint %I', v_constraint.collection, v_constraint.name);
    exception when check_violation then
      raise warning '% has rows from before that are against %: they can be read and deleted, and are mended by being changed',
        v_constraint.collection, v_constraint.name;
    end;
  end loop;
end $$;
