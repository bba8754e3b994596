-- Purpose: machines that a repair job has still to repair, in the order in which they failed: all,
-- or those in the shards of a node. The conditions are those of the view repair_job_machine, with
-- parameters in place of the job's row: only so the index gives the order, and a page is no more
-- work than its rows.
-- Parameters: $1 int8 job, $2 int namespace, $3 timestamptz failed until, $4 text id prefix,
-- $5 text part of the failure's reason, $6 timestamptz, $7 int, $8 int8 behind this time, shard and
-- machine key, $9 uuid node, NULL = all, $10 int at most so many.
-- Plan: index scan of machine_failed_at in its order, an index of repair_job_failure and shard_pkey
-- per row. The lower bound of the time is said twice: two bounds make the range look small.
SELECT machine.failed_at, machine.shard, machine.machine_key, machine.id, machine.failure_reason
FROM machine
WHERE machine.namespace = $2
  AND machine.failed_at IS NOT NULL
  AND (machine.failed_at, machine.shard, machine.machine_key) > ($6, $7, $8)
  AND machine.failed_at >= $6 AND machine.failed_at <= $3
  AND starts_with(machine.id, $4)
  AND strpos(machine.failure_reason COLLATE "C", $5) > 0
  AND ($9::uuid IS NULL
    OR (SELECT shard.owner FROM shard WHERE shard.shard = machine.shard) = $9)
  AND (
    SELECT failure.job FROM repair_job_failure AS failure
    WHERE failure.shard = machine.shard AND failure.job = $1 AND failure.machine_id = machine.id
  ) IS NULL
ORDER BY machine.namespace, machine.failed_at, machine.shard, machine.machine_key
LIMIT $10;
