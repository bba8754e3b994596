-- Purpose: what a migration waits for: the other sessions with locks on what it may change. Not by
-- the beginning of their transactions, which not every role may see.
-- Result: their processes; 0 = a prepared transaction.
SELECT DISTINCT coalesce(lock.pid, 0)
FROM pg_locks AS lock
JOIN pg_class AS relation ON relation.oid = lock.relation
WHERE lock.granted AND lock.locktype = 'relation' AND lock.pid IS DISTINCT FROM pg_backend_pid()
  AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND relation.relnamespace = 'progressor'::regnamespace;
