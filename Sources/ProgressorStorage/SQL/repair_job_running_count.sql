-- Purpose: how many repair jobs run, and how many of them in one namespace.
-- Parameters: $1 text namespace.
-- Plan: repair_job_running, namespace_name_key once.
SELECT count(*), count(*) FILTER (WHERE job.namespace = named.number)
FROM repair_job AS job
LEFT JOIN namespace AS named ON named.name = $1
WHERE job.state = 1;
