-- Purpose: how many other sessions of this name there are, a moment later.
-- Parameters: $1 text the application name.
SELECT count(session.pid)
FROM pg_sleep(0.005) AS pause
LEFT JOIN pg_stat_activity AS session
  ON session.application_name = $1 AND session.pid <> pg_backend_pid();
