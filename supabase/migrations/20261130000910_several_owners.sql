-- A page of records of several owners or rooms at once: without p_user_id the owners are among the filters. Whose rows they
-- may be, row-level security says. (All else as before.)
create or replace function public.records_condition(
  p_collection text, p_user_id uuid, p_filters text, p_search text, p_owner_column text default 'user_id'
) returns text
language plpgsql stable security invoker set search_path = '' as $$
declare
  compared constant jsonb := '{"eq": "=", "gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}';
  condition text := case when p_user_id is null then 'true' else format('t.%I = %L', p_owner_column, p_user_id) end;
  filters jsonb := coalesce(p_filters::jsonb, '[]');
  filter jsonb;
  operator text;
  operand text;
  field pg_catalog.pg_attribute;
begin
  if jsonb_typeof(filters) <> 'array' or jsonb_array_length(filters) > 50 then
    raise exception 'p_filters is a list of at most 50 filters' using errcode = 'invalid_parameter_value';
  end if;
  if char_length(p_search) > 20000 then
    raise exception 'p_search has at most 20000 characters' using errcode = 'invalid_parameter_value';
  end if;
  for filter in select jsonb_array_elements(filters) loop
    field := public.records_column(p_collection, filter ->> 'field');
    operator := filter ->> 'operator';
    operand := filter ->> 'value';
    if operator = 'null' and operand in ('true', 'false') then
      condition := condition || format(
        case operand when 'true' then ' and t.%I is null' else ' and t.%I is not null' end, field.attname
      );
    elsif operator = 'has' and field.attndims > 0 then
      condition := condition || format(' and %L = any (t.%I)', operand, field.attname);
    elsif operator = 'in' and field.atttypid = 'uuid'::regtype and char_length(operand) < 200 * 37 then
      condition := condition || format(' and t.%I = any (string_to_array(%L, '','')::uuid[])', field.attname, operand);
    elsif compared ? operator then
      condition := condition || format(' and t.%I %s %L', field.attname, compared ->> operator, operand);
    else
      raise exception '"%" cannot be filtered with the operator "%" and this value', field.attname, left(operator, 100)
        using errcode = 'invalid_parameter_value',
          hint = 'The operators are eq, gte, gt, lte, lt; has, of a list; in, of ids; null, with the value true or false.';
    end if;
  end loop;
  if p_search is not null then
    condition := condition || format(' and strpos(t.search_text, %L) > 0', p_search);
  end if;
  return condition;
end
$$;

notify pgrst, 'reload schema';
