-- Purpose: all options of a namespace as given, whether it exists or not. The version grows with a
-- change only, and no change wakes nobody: no row = it is exactly so already.
-- Parameters: as of namespace_create.
INSERT INTO namespace AS stored (
  name, endpoint, processor_timeout, max_in_flight, connections,
  retry_initial_interval, retry_multiplier, retry_max_interval, retry_max_attempts, retry_jitter,
  retry_non_retryable, limit_mailbox, limit_steps_in_flight, limit_notifications,
  history_after, history_limit, history_direction, idempotency_retention,
  trace_level, trace_retention)
VALUES (
  $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
  $20)
ON CONFLICT (name) DO UPDATE SET
  version = stored.version + 1,
  endpoint = excluded.endpoint,
  processor_timeout = excluded.processor_timeout,
  max_in_flight = excluded.max_in_flight,
  connections = excluded.connections,
  retry_initial_interval = excluded.retry_initial_interval,
  retry_multiplier = excluded.retry_multiplier,
  retry_max_interval = excluded.retry_max_interval,
  retry_max_attempts = excluded.retry_max_attempts,
  retry_jitter = excluded.retry_jitter,
  retry_non_retryable = excluded.retry_non_retryable,
  limit_mailbox = excluded.limit_mailbox,
  limit_steps_in_flight = excluded.limit_steps_in_flight,
  limit_notifications = excluded.limit_notifications,
  history_after = excluded.history_after,
  history_limit = excluded.history_limit,
  history_direction = excluded.history_direction,
  idempotency_retention = excluded.idempotency_retention,
  trace_level = excluded.trace_level,
  trace_retention = excluded.trace_retention
WHERE (
  stored.endpoint, stored.processor_timeout, stored.max_in_flight, stored.connections,
  stored.retry_initial_interval, stored.retry_multiplier, stored.retry_max_interval,
  stored.retry_max_attempts, stored.retry_jitter, stored.retry_non_retryable,
  stored.limit_mailbox, stored.limit_steps_in_flight, stored.limit_notifications,
  stored.history_after, stored.history_limit, stored.history_direction,
  stored.idempotency_retention, stored.trace_level, stored.trace_retention
) IS DISTINCT FROM (
  excluded.endpoint, excluded.processor_timeout, excluded.max_in_flight, excluded.connections,
  excluded.retry_initial_interval, excluded.retry_multiplier, excluded.retry_max_interval,
  excluded.retry_max_attempts, excluded.retry_jitter, excluded.retry_non_retryable,
  excluded.limit_mailbox, excluded.limit_steps_in_flight, excluded.limit_notifications,
  excluded.history_after, excluded.history_limit, excluded.history_direction,
  excluded.idempotency_retention, excluded.trace_level, excluded.trace_retention
)
RETURNING number;
