-- Purpose: all options of a namespace as given, but for its pause. The version grows with a change
-- only, and no change wakes nobody.
-- Parameters: the columns in their order, from the name on, without the version; then which
-- namespaces may be meant, text: `create` one that does not exist, `update` one that does,
-- `replace` either; and int8 the version that is expected of one that exists, 0 = any.
-- Result: no row = none of this name may be meant, its version is another one, or it is so already.
-- What is no option is named where the rows are compared, so that no option can be forgotten there.
INSERT INTO namespace AS stored (
  name, endpoint, processor_timeout, max_in_flight, connections,
  retry_initial_interval, retry_multiplier, retry_max_interval, retry_max_attempts, retry_jitter,
  retry_non_retryable, limit_mailbox, limit_steps_in_flight, limit_notifications, limit_messages,
  history_after, history_limit, history_direction, idempotency_retention,
  trace_level, trace_retention, feed_enabled, feed_bodies, feed_retention, feed_max_bytes)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
  $20, $21, $22, $23, $24, $25
WHERE $26 <> 'update' OR EXISTS (SELECT FROM namespace WHERE name = $1 FOR NO KEY UPDATE)
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
  limit_messages = excluded.limit_messages,
  history_after = excluded.history_after,
  history_limit = excluded.history_limit,
  history_direction = excluded.history_direction,
  idempotency_retention = excluded.idempotency_retention,
  trace_level = excluded.trace_level,
  trace_retention = excluded.trace_retention,
  feed_enabled = excluded.feed_enabled,
  feed_bodies = excluded.feed_bodies,
  feed_retention = excluded.feed_retention,
  feed_max_bytes = excluded.feed_max_bytes
WHERE $26 <> 'create' AND $27 IN (0, stored.version)
  AND to_jsonb(stored)
    - '{number, version, paused_at, pause_reason, pause_noted_at, pause_principal}'::text[]
  IS DISTINCT FROM to_jsonb(excluded)
    - '{number, version, paused_at, pause_reason, pause_noted_at, pause_principal}'::text[]
RETURNING number;
