-- Purpose: machines of a page that are late: something of theirs is due for a while, or would be
-- were they not paused. Two statements: a line that ends in names is only in those. `all` has every
-- one of them, as long as not too many are due or paused; `walk` looks at machines in the order of
-- their ids, late or not.
-- Parameters: $1 int namespace, $2 text behind this id, $3 text from the first id with the prefix,
-- $4 text to the last, $5 int at most so many, $6 int look at so many at most, $7 int8 microseconds
-- that something is due.
-- Result: how many were looked at (more than $6: there may be others) and the last of their ids,
-- then a machine; at least one row.
-- Plan: index scans of machine_due_by_namespace and machine_paused, or of
-- machine_namespace_id_shard_key; notification_pkey for the head of a paused machine's queue.
WITH due AS ( --: all
  SELECT machine.shard, machine.machine_key, machine.id, true AS fits --: all
  FROM machine --: all
  WHERE machine.namespace = $1 AND machine.due_at IS NOT NULL --: all
    AND machine.due_at <= now() - $7::bigint * interval '1 microsecond' --: all
  ORDER BY machine.due_at, machine.shard, machine.machine_key --: all
  LIMIT $6::int + 1 --: all
), candidate AS ( --: all
WITH candidate AS ( --: walk
  SELECT machine.shard, machine.machine_key, machine.id, machine.due_at, machine.paused_at,
    machine.failed_at, machine.timer_at, machine.timer_next_at, machine.notification_count
  FROM machine
  WHERE machine.namespace = $1
    AND machine.id > $2 AND machine.id >= $3 AND machine.id <= $4 --: walk
    AND machine.paused_at IS NOT NULL --: all
  ORDER BY machine.namespace, machine.id
  LIMIT $6::int + 1 --: all
  LIMIT $6::int --: walk
), looked AS (
  SELECT candidate.shard, candidate.machine_key, candidate.id, coalesce(
    CASE
      WHEN candidate.failed_at IS NOT NULL THEN NULL
      WHEN candidate.paused_at IS NULL THEN candidate.due_at
      ELSE least(coalesce(candidate.timer_next_at, candidate.timer_at),
        CASE WHEN candidate.notification_count > 0 THEN (
          SELECT coalesce(notification.next_at, notification.accepted_at)
          FROM notification
          WHERE notification.shard = candidate.shard
            AND notification.machine_key = candidate.machine_key
          ORDER BY notification.shard, notification.machine_key, notification.sequence
          LIMIT 1) END)
    END <= now() - $7::bigint * interval '1 microsecond', false) AS fits
  FROM candidate
  UNION ALL SELECT * FROM due --: all
)
SELECT seen.looked, seen.reached, hit.shard, hit.machine_key, hit.id
FROM (
  SELECT count(*) AS looked, max(id) AS reached FROM looked --: walk
  SELECT greatest((SELECT count(*) FROM candidate), (SELECT count(*) FROM due)) AS looked, --: all
    NULL::text AS reached --: all
) AS seen
LEFT JOIN (
  SELECT shard, machine_key, id FROM looked
  WHERE fits AND id > $2 AND id >= $3 AND id <= $4
  ORDER BY id
  LIMIT $5
) AS hit ON true
ORDER BY hit.id;
