-- Purpose: how large the tables are from which rows are deleted when their time is over. Rows are
-- estimates, of the statistics or of the last VACUUM or ANALYZE: nothing is counted.
-- Result: per table its name, about how many rows, bytes with its indexes.
SELECT relname::text,
  coalesce(nullif(pg_stat_get_live_tuples(oid), 0), greatest(reltuples, 0))::bigint,
  pg_total_relation_size(oid)
FROM pg_class
WHERE relnamespace = 'progressor'::regnamespace AND relkind IN ('r', 'p')
  AND relname IN ('idempotency', 'trace', 'feed', 'repair_job', 'repair_job_failure')
ORDER BY relname;
