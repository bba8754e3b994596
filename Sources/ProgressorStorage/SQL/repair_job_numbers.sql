-- Purpose: numbers and ids of a page of repair jobs, the newest first, where a row cannot be read
-- as a whole. Parameters: $1 text namespace, NULL = all; $2 bool only those that run; $3 int8
-- before this number, $4 int at most so many. Plan: repair_job_pkey backward: jobs are few.
SELECT job.number, job.id
FROM repair_job AS job
LEFT JOIN namespace ON namespace.number = job.namespace
WHERE job.number < $3 AND ($1::text IS NULL OR namespace.name = $1) AND (NOT $2 OR job.state = 1)
ORDER BY job.number DESC
LIMIT $4;
