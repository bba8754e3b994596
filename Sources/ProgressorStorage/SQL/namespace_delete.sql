-- Purpose: delete a namespace that has no machines, nor messages of machines that are gone. Its
-- repair jobs stay, with its name; those that run are cancelled.
-- Runs: behind namespace_lock in its transaction, with a snapshot of its own: what other batches
-- have started is seen.
-- Parameters: $1 int number, $2 timestamptz now, $3 int as of namespace_machines.
-- Result: no row = it is gone, or has machines or messages, or an older node has a lease.
-- Plan: namespace_pkey, the first rows of machine_namespace_id_shard_key and message_by_namespace;
-- jobs are few.
WITH gone AS (
  DELETE FROM namespace
  WHERE number = $1
    AND (
      SELECT machine.namespace FROM machine
      WHERE machine.namespace = $1
      ORDER BY machine.namespace, machine.id
      LIMIT 1
    ) IS NULL
    AND NOT EXISTS (SELECT FROM message WHERE message.namespace = $1)
    AND NOT EXISTS (SELECT FROM node WHERE node.schema_version < $3)
  RETURNING number, name
), jobs AS (
  UPDATE repair_job SET
    namespace_name = gone.name,
    state = CASE WHEN state = 1 THEN 3 ELSE state END,
    finished_at = CASE WHEN state = 1 THEN $2 ELSE finished_at END,
    remaining = CASE WHEN state = 1 THEN 0 ELSE remaining END,
    failed = CASE
      WHEN state = 1 THEN (
        SELECT count(*) FROM repair_job_failure WHERE repair_job_failure.job = repair_job.number)
      ELSE failed END
  FROM gone
  WHERE repair_job.namespace = gone.number
)
SELECT number FROM gone;
