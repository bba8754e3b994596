-- Purpose: after an unknown outcome, and after the epoch was raised: what a key remembers; no row =
-- nothing.
-- Parameters: $1 int shard, $2 int namespace, $3 text machine id, $4 text key.
-- Plan: idempotency_pkey.
SELECT fingerprint, expires_at FROM idempotency
WHERE shard = $1 AND namespace = $2 AND machine_id = $3 AND key = $4;
