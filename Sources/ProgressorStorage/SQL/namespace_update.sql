-- Purpose: all options of a namespace as given, but for its pause. The version grows with a change
-- only. No row = there is none of this name, its version is another one, or it is so already.
-- Parameters: as of namespace_create; $21 int8 the version that is expected, 0 = any.
UPDATE namespace SET
  version = version + 1,
  endpoint = $2,
  processor_timeout = $3,
  max_in_flight = $4,
  connections = $5,
  retry_initial_interval = $6,
  retry_multiplier = $7,
  retry_max_interval = $8,
  retry_max_attempts = $9,
  retry_jitter = $10,
  retry_non_retryable = $11,
  limit_mailbox = $12,
  limit_steps_in_flight = $13,
  limit_notifications = $14,
  history_after = $15,
  history_limit = $16,
  history_direction = $17,
  idempotency_retention = $18,
  trace_level = $19,
  trace_retention = $20
WHERE name = $1 AND $21 IN (0, version)
  AND (
    endpoint, processor_timeout, max_in_flight, connections, retry_initial_interval,
    retry_multiplier, retry_max_interval, retry_max_attempts, retry_jitter, retry_non_retryable,
    limit_mailbox, limit_steps_in_flight, limit_notifications,
    history_after, history_limit, history_direction, idempotency_retention,
    trace_level, trace_retention
  ) IS DISTINCT FROM (
    $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
RETURNING number;
