-- Purpose: what people have to know of a server before nodes use it, and cannot see elsewhere.
-- Result: the version, the database, the role; what `synchronous_commit` is unless a session says
-- otherwise; which standbys a commit waits for, and how many there are; how many sessions the role
-- may have at once, NULL = as many as the server has; the time.
-- Locks: none.
SELECT current_setting('server_version'), current_database()::text, current_user::text,
  coalesce((SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'), ''),
  current_setting('synchronous_standby_names'),
  (SELECT count(*) FROM pg_stat_replication),
  least(
    current_setting('max_connections')::int8
      - current_setting('superuser_reserved_connections')::int8,
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())),
  clock_timestamp();
