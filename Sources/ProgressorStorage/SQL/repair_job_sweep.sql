-- Purpose: forget the repair job that ended first, if it did so before a time or if too many ended
-- after it; a bounded number of its failures at a time, and the job with the last of them.
-- Parameters: $1 timestamptz, $2 int8 ended jobs that may stay, $3 int8 at most so many failures.
-- Result: how many failures were deleted; with fewer than $3 the job is gone, if there was one.
-- Plan: jobs are few; a range of repair_job_failure_by_job, then repair_job_failure_pkey.
WITH expired AS (
  SELECT number
  FROM (
    SELECT number, finished_at, row_number() OVER (ORDER BY finished_at DESC, number DESC) AS place
    FROM repair_job
    WHERE state <> 1
  ) AS ended
  WHERE finished_at < $1 OR place > $2
  ORDER BY finished_at, number
  LIMIT 1
), old AS (
  SELECT shard, job, machine_id
  FROM repair_job_failure
  WHERE job = (SELECT number FROM expired)
  LIMIT $3
), gone AS (
  DELETE FROM repair_job_failure USING old
  WHERE repair_job_failure.shard = old.shard AND repair_job_failure.job = old.job
    AND repair_job_failure.machine_id = old.machine_id
  RETURNING 1
), job AS (
  DELETE FROM repair_job
  WHERE number = (SELECT number FROM expired) AND (SELECT count(*) FROM gone) < $3
  RETURNING 1
)
SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM job);
