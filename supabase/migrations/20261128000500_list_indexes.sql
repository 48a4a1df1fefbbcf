-- Ties in a list go by created_at, then id: the id of a record that was made with an idempotency key is a hash, so records of
-- one day came in no order that meant anything. The indexes follow, of every collection that is here, also of those that
-- this repository does not know: each (owner, field, id) becomes (owner, field, created_at, id) under its own name.
do $$
declare
  v_index record;
begin
  for v_index in
    select i.indexrelid::regclass as name, c.relname, i.indrelid::regclass as target, o.attname as owner, f.attname as field
    from switchyard.collections s
    join pg_catalog.pg_index i
      on i.indrelid = to_regclass(format('public.%I', s.name)) and not i.indisunique and i.indnkeyatts = 3
    join pg_catalog.pg_class c on c.oid = i.indexrelid
    join pg_catalog.pg_attribute o on o.attrelid = i.indrelid and o.attnum = i.indkey[0]
    join pg_catalog.pg_attribute f on f.attrelid = i.indrelid and f.attnum = i.indkey[1]
    join pg_catalog.pg_attribute t on t.attrelid = i.indrelid and t.attnum = i.indkey[2]
    where o.attname = s.owner_column and f.attname <> 'created_at' and t.attname = 'id'
  loop
    execute format('drop index %s', v_index.name);
    execute format(
      'create index %I on %s (%I, %I, created_at, id)', v_index.relname, v_index.target, v_index.owner, v_index.field
    );
  end loop;
end
$$;
