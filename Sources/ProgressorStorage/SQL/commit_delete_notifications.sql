-- Purpose: the notifications that were delivered.
-- Parameters: $1 int[] shard, $2 int8[] machine key, $3 int8[] sequence.
-- Errors: PGF02 one is gone already. Plan: index scan of notification_pkey.
WITH delivered AS (
  SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[])
    AS delivered (shard, machine_key, sequence)
), gone AS (
  DELETE FROM notification USING delivered
  WHERE notification.shard = delivered.shard
    AND notification.machine_key = delivered.machine_key
    AND notification.sequence = delivered.sequence
  RETURNING 1
)
SELECT expect((SELECT count(*) FROM gone), cardinality($1), 'delivered notifications');
