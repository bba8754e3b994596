-- Purpose: which sessions have such a lock.
-- Parameters: $1 int8 which.
-- Result: their processes.
SELECT pid FROM pg_locks
WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND pid <> pg_backend_pid()
  AND (classid::bigint << 32 | objid::bigint) = $1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
