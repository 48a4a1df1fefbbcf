-- plane: control
-- Databases that take another user now: those who have never confirmed leave their places free (*_unconfirmed.sql), and one
-- that is nearly full, or refuses writes, counts like one that is down (*_full_databases.sql).
create or replace view switchyard.candidates as
select d.name, d.user_count / d.weight as load,
  not coalesce(h.healthy, true)
    or coalesce(s.bytes >= d.capacity_bytes * d.full_at_percent / 100, false)
    or coalesce(s.refused_at > clock_timestamp() - interval '5 minutes', false) as down
from switchyard.databases d
left join switchyard.database_health h on h.name = d.name and h.checked_at > clock_timestamp() - interval '1 minute'
left join switchyard.database_state s on s.name = d.name
where d.accepting and (d.capacity_users is null or d.user_count - d.unconfirmed_count < d.capacity_users);
