-- Purpose: forget expired idempotency keys of one writer's shards, a bounded number at a time.
-- Runs: under the fence, like everything that writes.
-- Parameters: $1 uuid node, $2 int slot, $3 int slots, $4 int at most so many, $5 int8 and so many
-- per shard: where that many were found, there may be more. Locks: the keys; one that is locked is
-- left for later. Result: whether more may be left; NULL, NULL, as commit_sweep_removed has them;
-- how many were deleted.
-- Plan: shard_by_owner, then per shard a few rows of idempotency_by_expiry, then idempotency_pkey.
WITH expired AS (
  SELECT old.*
  FROM shard
  CROSS JOIN LATERAL (
    SELECT shard, namespace, machine_id, key
    FROM idempotency
    WHERE idempotency.shard = shard.shard
      AND idempotency.expires_at < now()
    ORDER BY idempotency.shard, idempotency.expires_at
    LIMIT $5
    FOR UPDATE SKIP LOCKED
  ) AS old
  WHERE shard.owner = $1 AND shard.shard % $3 = $2
  LIMIT $4
), gone AS (
  DELETE FROM idempotency USING expired
  WHERE idempotency.shard = expired.shard AND idempotency.namespace = expired.namespace
    AND idempotency.machine_id = expired.machine_id AND idempotency.key = expired.key
  RETURNING 1
)
SELECT (SELECT count(*) FROM gone) >= least($4, $5), NULL::text, NULL::text,
  (SELECT count(*) FROM gone);
