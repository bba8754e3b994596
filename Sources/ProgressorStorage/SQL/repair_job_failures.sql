-- Purpose: a page of the machines that a repair job could not repair, by the bytes of their ids.
-- Parameters: $1 int8 job, $2 text behind this id, $3 int at most so many.
-- Plan: repair_job_failure_by_job in its order.
SELECT machine_id, code, reason, message, tried_at
FROM repair_job_failure
WHERE job = $1 AND machine_id > $2
ORDER BY job, machine_id
LIMIT $3;
