-- Purpose: a page of repair jobs, the newest first; nothing is counted.
-- Parameters: $1 text namespace that there is, NULL = all, also those of deleted ones; $2 int8
-- before this number, $3 int at most so many.
-- Plan: repair_job_pkey backward: jobs are few.
SELECT job.number, job.namespace, job.id, coalesce(namespace.name, job.namespace_name),
  job.failed_since, job.failed_until, job.id_prefix, job.failure_contains, job.processor_args,
  job.rate, job.dry_run, job.reason,
  job.requested_by, job.created_at, job.state, job.finished_at, job.matched,
  job.remaining, job.failed, namespace.number IS NULL
FROM repair_job AS job
LEFT JOIN namespace ON namespace.number = job.namespace
WHERE job.number < $2 AND ($1::text IS NULL OR namespace.name = $1)
ORDER BY job.number DESC
LIMIT $3;
