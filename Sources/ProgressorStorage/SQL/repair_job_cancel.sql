-- Purpose: the end of a repair job before it has come to all of its machines.
-- Parameters: $1 text id, $2 timestamptz now.
-- Result: no row = there is none of this id that runs.
-- Plan: repair_job_id_key, then machine_failed_at or machine_failed, and repair_job_failure_by_job.
UPDATE repair_job SET
  state = 3, finished_at = $2,
  remaining = (
    SELECT count(*) FROM repair_job_machine WHERE repair_job_machine.job = repair_job.number),
  failed = (
    SELECT count(*) FROM repair_job_failure WHERE repair_job_failure.job = repair_job.number)
WHERE repair_job.id = $1 AND repair_job.state = 1
RETURNING true;
