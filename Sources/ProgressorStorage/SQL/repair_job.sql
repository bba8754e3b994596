-- Purpose: repair jobs, as they are. Three statements: a line that ends in names is only in those.
-- get: one with its progress, which is counted while it runs. list: a page, the newest first,
-- running: those to be worked on, the newest first; of both nothing is counted.
-- Parameters: of get, $1 text id. Of list, $1 text namespace that there is, NULL = all, also
-- those of deleted ones; $2 int8 before this number, $3 int at most so many. Of running, $1 int8
-- before this number, $2 int at most so many.
-- Plan: get: repair_job_id_key, then machine_failed_at or machine_failed, and
-- repair_job_failure_by_job. list: repair_job_pkey backward: jobs are few. running:
-- repair_job_running.
SELECT job.number, job.namespace, job.id, coalesce(namespace.name, job.namespace_name),
  job.failed_since, job.failed_until, job.id_prefix, job.failure_contains, job.processor_args,
  job.rate, job.dry_run, job.reason,
  job.requested_by, job.created_at, job.state, job.finished_at, job.matched,
  job.remaining, job.failed, --: list running
  coalesce(job.remaining, ( --: get
    SELECT count(*) FROM repair_job_machine WHERE repair_job_machine.job = job.number)), --: get
  coalesce(job.failed, ( --: get
    SELECT count(*) FROM repair_job_failure WHERE repair_job_failure.job = job.number)), --: get
  job.principal, namespace.number IS NULL
FROM repair_job AS job
LEFT JOIN namespace ON namespace.number = job.namespace
WHERE job.id = $1; --: get
WHERE job.number < $2 AND ($1::text IS NULL OR namespace.name = $1) --: list
WHERE job.state = 1 AND job.number < $1 --: running
ORDER BY job.number DESC --: list running
LIMIT $3; --: list
LIMIT $2; --: running
