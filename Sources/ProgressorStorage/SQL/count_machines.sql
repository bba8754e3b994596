-- Purpose: how many machines of a namespace there are, in several statuses, up to a bound.
-- Parameters: $1 int namespace, $2 int8 count no more of all and of the failed, $3 int8 no more of
-- the others, $4 int8 microseconds that something of a late one is due.
-- Result: all, failed, retrying, paused, those that are late; then of the paused ones, how many
-- were looked at, and how many of them would be late were they not.
-- Plan: index-only scans of machine_namespace_id_shard_key, machine_failed, machine_retrying,
-- machine_paused and machine_due_by_namespace; notification_pkey per paused machine.
WITH held AS (
  SELECT CASE WHEN machine.failed_at IS NULL THEN
    least(coalesce(machine.timer_next_at, machine.timer_at),
      CASE WHEN machine.notification_count > 0 THEN (
        SELECT coalesce(notification.next_at, notification.accepted_at)
        FROM notification
        WHERE notification.shard = machine.shard
          AND notification.machine_key = machine.machine_key
        ORDER BY notification.shard, notification.machine_key, notification.sequence
        LIMIT 1) END) END AS due_at
  FROM machine
  WHERE machine.namespace = $1 AND machine.paused_at IS NOT NULL
  ORDER BY machine.namespace, machine.id
  LIMIT $3
)
SELECT
  (SELECT count(*) FROM (
    SELECT machine.id FROM machine
    WHERE machine.namespace = $1
    ORDER BY machine.namespace, machine.id LIMIT $2) AS counted),
  (SELECT count(*) FROM (
    SELECT machine.id FROM machine
    WHERE machine.namespace = $1 AND machine.failed_at IS NOT NULL
    ORDER BY machine.namespace, machine.id LIMIT $2) AS counted),
  (SELECT count(*) FROM (
    SELECT machine.id FROM machine
    WHERE machine.namespace = $1 AND machine.failed_at IS NULL
      AND (machine.timer_attempt IS NOT NULL OR machine.notification_retrying)
    ORDER BY machine.namespace, machine.id LIMIT $3) AS counted),
  (SELECT count(*) FROM (
    SELECT machine.id FROM machine
    WHERE machine.namespace = $1 AND machine.paused_at IS NOT NULL
    ORDER BY machine.namespace, machine.id LIMIT $3) AS counted),
  (SELECT count(*) FROM (
    SELECT machine.due_at FROM machine
    WHERE machine.namespace = $1 AND machine.due_at IS NOT NULL
      AND machine.due_at <= now() - $4::bigint * interval '1 microsecond'
    ORDER BY machine.due_at, machine.shard, machine.machine_key LIMIT $3) AS counted),
  count(*), count(*) FILTER (WHERE held.due_at <= now() - $4::bigint * interval '1 microsecond')
FROM held;
