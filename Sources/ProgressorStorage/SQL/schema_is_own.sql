-- Purpose: whether the role may change the schema and what migrations made in it: whoever owns a
-- table may. What else somebody keeps there does not count.
-- Locks: none.
SELECT has_schema_privilege('progressor', 'CREATE')
  AND coalesce(bool_and(pg_has_role(relation.relowner, 'USAGE')), true)
FROM pg_class AS relation
WHERE relation.relnamespace = 'progressor'::regnamespace AND relation.relkind IN ('r', 'v')
  AND relation.relname IN (
    'schema_migration', 'setting', 'node', 'writer', 'shard', 'namespace', 'machine', 'event',
    'notification', 'idempotency', 'trace', 'tombstone', 'repair_job', 'repair_job_failure',
    'repair_job_machine');
