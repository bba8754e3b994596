-- Purpose: after an unknown outcome, and after the epoch was raised: the retry state of a
-- notification; no row = it is not queued.
-- Parameters: $1 int shard, $2 int8 machine key, $3 int8 sequence. Plan: notification_pkey.
SELECT attempt, next_at FROM notification WHERE shard = $1 AND machine_key = $2 AND sequence = $3;
