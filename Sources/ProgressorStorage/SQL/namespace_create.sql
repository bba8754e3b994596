-- Purpose: a new namespace. No row = there is one of this name.
-- Parameters: the columns in their order, from the name on, without the version.
INSERT INTO namespace (
  name, endpoint, processor_timeout, max_in_flight, connections,
  retry_initial_interval, retry_multiplier, retry_max_interval, retry_max_attempts, retry_jitter,
  retry_non_retryable, limit_mailbox, limit_steps_in_flight, limit_notifications,
  history_after, history_limit, history_direction, idempotency_retention,
  trace_level, trace_retention)
VALUES (
  $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
  $20)
ON CONFLICT (name) DO NOTHING
RETURNING number;
