-- Purpose: what a migration waits for: the other sessions with locks on what it may change.
-- Result: each as text, those with the oldest transactions first.
SELECT format('process %s (%s, %s) since %s', session.pid, session.application_name, session.state,
  session.xact_start)
FROM pg_stat_activity AS session
WHERE session.pid <> pg_backend_pid() AND session.xact_start IS NOT NULL AND EXISTS (
  SELECT FROM pg_locks AS lock
  JOIN pg_class AS relation ON relation.oid = lock.relation
  WHERE lock.pid = session.pid AND lock.granted AND lock.locktype = 'relation'
    AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND relation.relnamespace = 'progressor'::regnamespace)
ORDER BY session.xact_start
LIMIT 5;
