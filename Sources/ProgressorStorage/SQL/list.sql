-- Purpose: a page of a namespace's machines, ordered by the bytes of their ids. Six statements: a
-- line that ends in names is only in those. A condition that were a parameter would keep the plan,
-- which is made once for all values, from the partial indexes.
-- Parameters: $1 int8 bytes of aux states that may come together, $2 int namespace, $3 text behind
-- this id, $4 text from the first id with the prefix, $5 text to the last, $6 int at most so many;
-- of found machines $2 int[] shard, $3 int8[] machine key.
-- Result: whether the aux states up to this row are within the bound, the machine without history,
-- with the retry state of the head of its queue and the length of the queue.
-- Plan: index scan of machine_namespace_id_shard_key, machine_retrying, machine_failed or
-- machine_paused, whichever fits the condition, of machine_pkey for found ones; notification_pkey
-- for a retrying head.
WITH page AS (
  SELECT machine.*
  FROM machine --: any working retrying failed paused
  WHERE machine.namespace = $2 AND machine.id > $3 --: any working retrying failed paused
    AND machine.id >= $4 AND machine.id <= $5 --: any working retrying failed paused
    AND machine.failed_at IS NULL --: working retrying
    AND (machine.timer_attempt IS NOT NULL OR machine.notification_retrying) --: retrying
    AND machine.failed_at IS NOT NULL --: failed
    AND machine.paused_at IS NOT NULL --: paused
  ORDER BY machine.namespace, machine.id --: any working retrying failed paused
  LIMIT $6 --: any working retrying failed paused
  FROM unnest($2::int[], $3::bigint[]) AS found (shard, machine_key) --: found
  JOIN machine USING (shard, machine_key) --: found
), summed AS (
  SELECT page.*, sum(coalesce(octet_length(page.aux_data), 0)) OVER (ORDER BY page.id) AS running
  FROM page
)
SELECT summed.running <= $1, summed.id, summed.created_at, summed.last_event_id,
  summed.aux_format, CASE WHEN summed.running <= $1 THEN summed.aux_data END,
  summed.failed_at, summed.failure_reason, summed.failure_step, summed.failure_code,
  summed.failure_attempts,
  CASE WHEN summed.failure_noted_at = summed.failed_at THEN summed.failure_token END,
  CASE WHEN summed.failure_noted_at = summed.failed_at THEN summed.failure_principal END,
  summed.repaired_at, summed.waiting_for,
  summed.timer_at, summed.timer_attempt, summed.timer_next_at, summed.timer_code,
  summed.timer_message, summed.paused_at, summed.pause_reason,
  CASE WHEN summed.pause_noted_at = summed.paused_at THEN summed.pause_principal END,
  head.attempt, head.next_at, head.code, head.message,
  summed.notification_count, summed.pending_messages, summed.undelivered_messages
FROM summed
LEFT JOIN LATERAL (
  SELECT notification.attempt, notification.next_at, notification.code, notification.message
  FROM notification
  WHERE notification.shard = summed.shard AND notification.machine_key = summed.machine_key
  ORDER BY notification.shard, notification.machine_key, notification.sequence
  LIMIT 1
) AS head ON summed.notification_retrying
ORDER BY summed.id;
