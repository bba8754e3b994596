-- Purpose: a repair job with its progress, which is counted while it runs.
-- Parameters: $1 text id.
-- Plan: repair_job_id_key, then machine_failed_at or machine_failed, and repair_job_failure_by_job.
SELECT job.number, job.namespace, job.id, coalesce(namespace.name, job.namespace_name),
  job.failed_since, job.failed_until, job.id_prefix, job.failure_contains, job.processor_args,
  job.rate, job.dry_run, job.reason,
  job.requested_by, job.created_at, job.state, job.finished_at, job.matched,
  coalesce(job.remaining, (
    SELECT count(*) FROM repair_job_machine WHERE repair_job_machine.job = job.number)),
  coalesce(job.failed, (
    SELECT count(*) FROM repair_job_failure WHERE repair_job_failure.job = job.number)),
  namespace.number IS NULL
FROM repair_job AS job
LEFT JOIN namespace ON namespace.number = job.namespace
WHERE job.id = $1;
