-- Search text made by the database. The application made it before, in a column `<field>_folded` for each search field: a row
-- written over Supabase's REST was not found by `q`, or by what it did not say, 40,000 letters of it, and each text stood there
-- three times.

-- A stored column is a new table file: with many rows this takes a while, and longer than hosted projects let a statement run.
set statement_timeout = 0;

-- Every collection's table, the application's own, too. The length is that of shared/definition/search.ts, twice the field's;
-- the check of a folded column says twenty times as much.
do $$
declare
  v_table record;
begin
  for v_table in
    select c.oid::regclass as name,
      string_agg(format('drop column %I', f.attname), ', ' order by f.attnum) as drops,
      string_agg(
        format(
          'coalesce(E''\n'' || switchyard.fold(%I, %s), '''')', a.attname,
          coalesce((
            select substring(pg_get_constraintdef(k.oid) from '<= (\d+)')::int / 10 from pg_catalog.pg_constraint k
            where k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[f.attnum]
            limit 1
          ), 4000)
        ),
        ' || ' order by f.attnum
      ) as lines
    from switchyard.collections s
    join pg_catalog.pg_class c on c.oid = to_regclass(format('public.%I', s.name))
    join pg_catalog.pg_attribute f on f.attrelid = c.oid and f.attname like '%\_folded' and not f.attisdropped
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname || '_folded' = f.attname and not a.attisdropped
    where exists (
      select from pg_catalog.pg_attribute t
      where t.attrelid = c.oid and t.attname = 'search_text' and t.attgenerated = 's' and not t.attisdropped
    )
    group by c.oid
  loop
    execute format(
      'alter table %s drop column search_text, %s,
         add column search_text text collate "C" not null generated always as (substr(%s, 2)) stored',
      v_table.name, v_table.drops, v_table.lines
    );
  end loop;
end $$;

reset statement_timeout;

-- PostgREST keeps the schema in memory.
notify pgrst, 'reload schema';
