-- Purpose: the version of the database, and the age of the oldest transaction of others in it.
-- Result: text, seconds. A role without pg_read_all_stats sees transactions of its own sessions
-- only.
-- Locks: none.
SELECT current_setting('server_version'),
  greatest(0, coalesce(extract(epoch FROM clock_timestamp() - min(session.xact_start)), 0))::float8
FROM pg_stat_activity AS session
WHERE session.datname = current_database() AND session.pid <> pg_backend_pid();
