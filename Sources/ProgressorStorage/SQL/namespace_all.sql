-- Purpose: every namespace, by name, or one.
-- Parameters: $1 int number, NULL = all.
SELECT number, name, version, endpoint, processor_timeout, max_in_flight, connections,
  retry_initial_interval, retry_multiplier, retry_max_interval, retry_max_attempts, retry_jitter,
  retry_non_retryable, limit_mailbox, limit_steps_in_flight, limit_notifications, limit_messages,
  history_after, history_limit, history_direction, idempotency_retention,
  trace_level, trace_retention, feed_enabled, feed_bodies, feed_retention, feed_max_bytes,
  paused_at, pause_reason, CASE WHEN pause_noted_at = paused_at THEN pause_principal END
FROM namespace
WHERE $1::int IS NULL OR number = $1
ORDER BY name;
