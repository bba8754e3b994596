-- Purpose: the retry state of heads of queues.
-- Parameters: $1 int[] shard, $2 int8[] machine key, $3 int8[] sequence, $4 int[] attempt (NULL =
-- fresh), $5 timestamptz[] next attempt, $6 int[] code, $7 text[] message.
-- Errors: PGF02 one is gone. Plan: index scan of notification_pkey.
WITH head AS (
  SELECT * FROM unnest(
    $1::int[], $2::bigint[], $3::bigint[], $4::int[], $5::timestamptz[], $6::int[], $7::text[]
  ) AS head (shard, machine_key, sequence, attempt, next_at, code, message)
), changed AS (
  UPDATE notification SET
    attempt = head.attempt, next_at = head.next_at, code = head.code, message = head.message
  FROM head
  WHERE notification.shard = head.shard AND notification.machine_key = head.machine_key
    AND notification.sequence = head.sequence
  RETURNING 1
)
SELECT expect((SELECT count(*) FROM changed), cardinality($1), 'rescheduled notifications');
