-- Purpose: the next page of queues of notifications, for many loads at once.
-- Parameters: $1 int[] number of the load, $2 int[] shard, $3 int[] namespace, $4 text[] id, $5
-- int8[] behind this sequence, $6 int a page has at most so many, $7 int8 and begins none beyond so
-- many bytes, $8 int8 bytes that one round may bring.
-- Result: the load, whether its page fits into the round (the first always does), then a
-- notification (its args NULL if the page does not fit). In what order is not said.
-- Plan: per load machine_namespace_id_shard_key, then an index scan of notification_pkey.
WITH page AS (
  SELECT wanted.load, queued.*
  FROM unnest($1::int[], $2::int[], $3::int[], $4::text[], $5::bigint[])
    AS wanted (load, shard, namespace, id, after)
  JOIN machine ON machine.shard = wanted.shard AND machine.namespace = wanted.namespace
    AND machine.id = wanted.id
  CROSS JOIN LATERAL (
    SELECT head.*, sum(octet_length(head.args)) OVER (ORDER BY head.sequence) AS running
    FROM (
      SELECT * FROM notification
      WHERE notification.shard = machine.shard AND notification.machine_key = machine.machine_key
        AND notification.sequence > wanted.after
      ORDER BY notification.shard, notification.machine_key, notification.sequence
      LIMIT $6
    ) AS head
  ) AS queued
  WHERE queued.running - octet_length(queued.args) < $7
), summed AS (
  SELECT *, sum(octet_length(args)) OVER (ORDER BY load) AS total,
    sum(octet_length(args)) OVER (PARTITION BY load) AS own
  FROM page
), fitting AS (
  SELECT *, total <= $8 OR total = own AS fits FROM summed
)
SELECT load, fits, sequence, notification_id, CASE WHEN fits THEN args END,
  history_after, history_limit, history_direction, context, accepted_at,
  attempt, next_at, code, message
FROM fitting;
