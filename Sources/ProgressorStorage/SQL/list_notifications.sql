-- Purpose: a page of a machine's queue of notifications, in order of delivery.
-- Parameters: $1 int shard, $2 int namespace, $3 text id, $4 int8 behind this sequence, $5 int look
-- at so many at most, $6 int8 begin none beyond so many bytes of args.
-- Result: how many were looked at, then a notification, NULL = there is none. No row = there is no
-- such machine.
-- Plan: index scan of machine_namespace_id_shard_key, then of notification_pkey in its order.
SELECT queued.looked, queued.sequence, queued.notification_id, queued.args,
  queued.history_after, queued.history_limit, queued.history_direction, queued.context,
  queued.accepted_at, queued.attempt, queued.next_at, queued.code, queued.message,
  queued.sender_namespace, queued.sender, queued.undelivered_name, queued.undelivered_code,
  queued.undelivered_reason
FROM machine
LEFT JOIN LATERAL (
  SELECT page.*, sum(octet_length(page.args)) OVER (ORDER BY page.sequence) AS running,
    count(*) OVER () AS looked
  FROM (
    SELECT * FROM notification
    WHERE notification.shard = machine.shard AND notification.machine_key = machine.machine_key
      AND notification.sequence > $4
    ORDER BY notification.shard, notification.machine_key, notification.sequence
    LIMIT $5
  ) AS page
) AS queued ON queued.running - octet_length(queued.args) < $6
WHERE machine.shard = $1 AND machine.namespace = $2 AND machine.id = $3
ORDER BY queued.sequence;
