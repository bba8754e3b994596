-- Purpose: the next page of queues of notifications, for many loads at once.
-- Parameters: $1 int[] number of the load, $2 int[] shard, $3 int[] namespace, $4 text[] id, $5
-- int8[] behind this sequence, $6 int a page has at most so many, $7 int8 and begins none beyond so
-- many bytes, $8 int8 bytes that a page may have here, $9 int8 bytes that one round may bring.
-- Result: the load, the place of its page (0 it is here; 1 in a later round; 2 longer than $8),
-- then a notification (its args NULL if the page is not here). In what order is not said.
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
), sized AS (
  SELECT *, sum(octet_length(args)) OVER (PARTITION BY load) AS own FROM page
), summed AS (
  SELECT *, sum(CASE WHEN own > $8 THEN 0 ELSE octet_length(args) END) OVER (ORDER BY load) AS total
  FROM sized
), fitting AS (
  SELECT *, CASE WHEN own > $8 THEN 2 WHEN total <= $9 OR total = own THEN 0 ELSE 1 END AS place
  FROM summed
)
SELECT load, place, sequence, notification_id, CASE WHEN place = 0 THEN args END,
  history_after, history_limit, history_direction, context, accepted_at,
  attempt, next_at, code, message,
  sender_namespace, sender, undelivered_name, undelivered_code, undelivered_reason
FROM fitting;
