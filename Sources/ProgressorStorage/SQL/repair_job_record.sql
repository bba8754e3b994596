-- Purpose: machines that a running repair job could not repair, again or for the first time.
-- Parameters: $1 int8 job; one element per machine: $2 int[] shard, $3 text[] id, $4 int[] code,
-- $5 text[] reason, $6 text[] message, $7 timestamptz[] when it was tried.
-- Plan: repair_job_pkey, repair_job_failure_pkey.
INSERT INTO repair_job_failure AS stored (
  shard, job, machine_id, code, reason, message, tried_at)
SELECT new.shard, job.number, new.machine_id, new.code, new.reason, new.message, new.tried_at
FROM repair_job AS job
CROSS JOIN unnest($2::int[], $3::text[], $4::int[], $5::text[], $6::text[], $7::timestamptz[])
  AS new (shard, machine_id, code, reason, message, tried_at)
WHERE job.number = $1 AND job.state = 1
ON CONFLICT (shard, job, machine_id) DO UPDATE SET
  code = excluded.code, reason = excluded.reason, message = excluded.message,
  tried_at = excluded.tried_at;
