-- Purpose: the machines of a repair job that this transaction has created; a dry run ends with it.
-- Parameters: $1 text id.
-- Result: no row = this transaction has created no job of this id.
-- Plan: repair_job_id_key, then machine_failed_at or machine_failed.
UPDATE repair_job SET
  matched = counted.machines,
  state = CASE WHEN repair_job.dry_run THEN 2 ELSE 1 END,
  finished_at = CASE WHEN repair_job.dry_run THEN repair_job.created_at END,
  remaining = CASE WHEN repair_job.dry_run THEN counted.machines END,
  failed = CASE WHEN repair_job.dry_run THEN 0 END
FROM (
  SELECT count(*) AS machines
  FROM repair_job_machine
  WHERE repair_job_machine.job = (SELECT number FROM repair_job WHERE id = $1)
) AS counted
WHERE repair_job.id = $1 AND repair_job.matched IS NULL
RETURNING true;
