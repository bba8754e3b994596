-- Purpose: the repair jobs to be worked on, the newest first; nothing is counted.
-- Parameters: $1 int8 before this number, $2 int at most so many.
-- Plan: repair_job_running.
SELECT job.number, job.namespace, job.id, coalesce(namespace.name, job.namespace_name),
  job.failed_since, job.failed_until, job.id_prefix, job.failure_contains, job.processor_args,
  job.rate, job.dry_run, job.reason,
  job.requested_by, job.created_at, job.state, job.finished_at, job.matched,
  job.remaining, job.failed, namespace.number IS NULL
FROM repair_job AS job
LEFT JOIN namespace ON namespace.number = job.namespace
WHERE job.state = 1 AND job.number < $1
ORDER BY job.number DESC
LIMIT $2;
