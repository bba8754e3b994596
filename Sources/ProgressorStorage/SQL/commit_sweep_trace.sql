-- Purpose: forget what was recorded of steps long ago, of one writer's shards, a bounded number at
-- a time.
-- Runs: under the fence, like everything that writes.
-- Parameters: as of commit_sweep_idempotency. Locks: the records; one that is locked is left for
-- later. Result: whether more may be left; NULL, NULL, as commit_sweep_removed has them; how many
-- were deleted.
-- Plan: shard_by_owner, then per shard a few rows of trace_by_expiry, then trace_pkey.
WITH expired AS (
  SELECT old.*
  FROM shard
  CROSS JOIN LATERAL (
    SELECT shard, machine_key, sequence
    FROM trace
    WHERE trace.shard = shard.shard
      AND trace.expires_at < now()
    ORDER BY trace.shard, trace.expires_at
    LIMIT $5
    FOR UPDATE SKIP LOCKED
  ) AS old
  WHERE shard.owner = $1 AND shard.shard % $3 = $2
  LIMIT $4
), gone AS (
  DELETE FROM trace USING expired
  WHERE trace.shard = expired.shard AND trace.machine_key = expired.machine_key
    AND trace.sequence = expired.sequence
  RETURNING 1
)
SELECT (SELECT count(*) FROM gone) >= least($4, $5), NULL::text, NULL::text,
  (SELECT count(*) FROM gone);
