-- Purpose: a page of a namespace's machines, ordered by the bytes of their ids. Five statements: a
-- line that ends in names is only in those. A condition that were a parameter would keep the plan,
-- which is made once for all values, from the partial indexes.
-- Parameters: $1 int namespace, $2 text behind this id, $3 text from the first id with the prefix,
-- $4 text to the last, $5 int at most so many, $6 int8 bytes of aux states that may come together.
-- Result: whether the aux states up to this row are within the bound, the machine without history,
-- with the retry state of the head of its queue.
-- Plan: index scan of machine_namespace_id_shard_key, machine_retrying, machine_failed or
-- machine_paused, whichever fits the condition; notification_pkey for a retrying head.
WITH page AS (
  SELECT machine.*
  FROM machine
  WHERE machine.namespace = $1 AND machine.id > $2
    AND machine.id >= $3 AND machine.id <= $4
    AND machine.failed_at IS NULL --: working retrying
    AND (machine.timer_attempt IS NOT NULL OR machine.notification_retrying) --: retrying
    AND machine.failed_at IS NOT NULL --: failed
    AND machine.paused_at IS NOT NULL --: paused
  ORDER BY machine.namespace, machine.id
  LIMIT $5
), summed AS (
  SELECT page.*, sum(coalesce(octet_length(page.aux_data), 0)) OVER (ORDER BY page.id) AS running
  FROM page
)
SELECT summed.running <= $6, summed.id, summed.created_at, summed.last_event_id,
  summed.aux_format, CASE WHEN summed.running <= $6 THEN summed.aux_data END,
  summed.failed_at, summed.failure_reason, summed.failure_step, summed.failure_code,
  summed.failure_attempts,
  summed.timer_at, summed.timer_attempt, summed.timer_next_at, summed.timer_code,
  summed.timer_message, summed.paused_at, summed.pause_reason,
  head.attempt, head.next_at, head.code, head.message
FROM summed
LEFT JOIN LATERAL (
  SELECT notification.attempt, notification.next_at, notification.code, notification.message
  FROM notification
  WHERE notification.shard = summed.shard AND notification.machine_key = summed.machine_key
  ORDER BY notification.shard, notification.machine_key, notification.sequence
  LIMIT 1
) AS head ON summed.notification_retrying
ORDER BY summed.id;
