-- Purpose: how many machines of each namespace are failed, retrying, paused and late, how many
-- notifications are queued in them, and how long the oldest is due. By one node of all: the one
-- that has the first shard which anybody has.
-- Parameters: $1 uuid node, $2 int8 count so many of each kind at most.
-- Result: a row for each namespace, oldest first; none when another node counts. A machine with
-- queued notifications is failed, paused, retrying or due, and its notifications are counted with
-- the first of these. Microseconds since the oldest is due, 0 = none is; of a paused machine, since
-- it would be. An infinite due time is damaged and counts for nothing.
-- Plan: for each namespace index scans of machine_failed, machine_retrying, machine_paused and
-- machine_due_by_namespace, without a sort, as far as is counted; notification_pkey for the head of
-- a paused machine's queue.
SELECT namespace.number, namespace.name,
  failed.machines, retrying.machines, paused.machines, due.late + paused.late,
  (failed.queued + paused.queued + retrying.queued + due.queued)::int8,
  greatest(0, coalesce(extract(
    epoch FROM now() - least(due.oldest, paused.oldest)) * 1000000, 0))::int8
FROM namespace
CROSS JOIN LATERAL (
  SELECT count(*) AS machines, coalesce(sum(head.notification_count), 0) AS queued
  FROM (
    SELECT machine.notification_count
    FROM machine
    WHERE machine.namespace = namespace.number AND machine.failed_at IS NOT NULL
    ORDER BY machine.namespace, machine.id
    LIMIT $2
  ) AS head
) AS failed
CROSS JOIN LATERAL (
  SELECT count(*) AS machines,
    coalesce(sum(head.notification_count) FILTER (WHERE NOT head.is_failed), 0) AS queued,
    count(*) FILTER (WHERE head.due_at <= now() - interval '10 seconds') AS late,
    min(head.due_at) FILTER (WHERE head.due_at > '-infinity' AND head.due_at <= now()) AS oldest
  FROM (
    SELECT machine.notification_count, machine.failed_at IS NOT NULL AS is_failed,
      CASE WHEN machine.failed_at IS NULL THEN
        least(coalesce(machine.timer_next_at, machine.timer_at),
          CASE WHEN machine.notification_count > 0 THEN (
            SELECT coalesce(notification.next_at, notification.accepted_at)
            FROM notification
            WHERE notification.shard = machine.shard
              AND notification.machine_key = machine.machine_key
            ORDER BY notification.shard, notification.machine_key, notification.sequence
            LIMIT 1) END) END AS due_at
    FROM machine
    WHERE machine.namespace = namespace.number AND machine.paused_at IS NOT NULL
    ORDER BY machine.namespace, machine.id
    LIMIT $2
  ) AS head
) AS paused
CROSS JOIN LATERAL (
  SELECT count(*) AS machines,
    coalesce(sum(head.notification_count) FILTER (WHERE NOT head.is_paused), 0) AS queued
  FROM (
    SELECT machine.notification_count, machine.paused_at IS NOT NULL AS is_paused
    FROM machine
    WHERE machine.namespace = namespace.number AND machine.failed_at IS NULL
      AND (machine.timer_attempt IS NOT NULL OR machine.notification_retrying)
    ORDER BY machine.namespace, machine.id
    LIMIT $2
  ) AS head
) AS retrying
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE head.due_at <= now() - interval '10 seconds') AS late,
    coalesce(sum(head.notification_count) FILTER (WHERE NOT head.is_retrying), 0) AS queued,
    min(head.due_at) AS oldest
  FROM (
    SELECT machine.due_at, machine.notification_count,
      machine.timer_attempt IS NOT NULL OR machine.notification_retrying AS is_retrying
    FROM machine
    WHERE machine.namespace = namespace.number AND machine.due_at IS NOT NULL
      AND machine.due_at > '-infinity' AND machine.due_at <= now()
    ORDER BY machine.due_at, machine.shard, machine.machine_key
    LIMIT $2
  ) AS head
) AS due
WHERE (
  SELECT shard.owner
  FROM shard
  JOIN node ON node.id = shard.owner AND node.expires_at > now()
  ORDER BY shard.shard
  LIMIT 1
) = $1
ORDER BY namespace.number;
