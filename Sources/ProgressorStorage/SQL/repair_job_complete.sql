-- Purpose: the end of a repair job that has no machine left, on no node.
-- Parameters: $1 int8 job, $2 timestamptz now.
-- Result: no row = a machine is left, or it has ended before.
-- Plan: repair_job_pkey, then machine_failed_at or machine_failed up to the first machine.
UPDATE repair_job SET
  state = 2, finished_at = $2, remaining = 0,
  failed = (SELECT count(*) FROM repair_job_failure WHERE repair_job_failure.job = $1)
WHERE repair_job.number = $1 AND repair_job.state = 1
  AND NOT EXISTS (SELECT FROM repair_job_machine WHERE repair_job_machine.job = $1)
RETURNING true;
