-- Purpose: end the sessions whose name begins so, except the caller's own. A frozen client's
-- session keeps its locks, and no timeout of the server ends it.
-- Parameters: $1 text the beginning of the application name.
-- Result: how many were told to end.
SELECT count(pg_terminate_backend(pid))
FROM pg_stat_activity
WHERE starts_with(application_name, $1) AND pid <> pg_backend_pid() AND usename = current_user;
