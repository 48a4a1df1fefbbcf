-- Versions carry the site of the database that writes them.

-- Microseconds since 1970, above the previous version, rounded up so that the last three bits are the site.
-- clock_timestamp(), because now() is when the transaction began.
create or replace function switchyard.next_version(previous bigint default 0) returns bigint
language plpgsql volatile set search_path = '' as $$
declare
  lowest bigint := greatest(ceil(extract(epoch from clock_timestamp()) * 1000000)::bigint, previous + 1);
begin
  return lowest + (8 + switchyard.site() - lowest % 8) % 8;
end
$$;
