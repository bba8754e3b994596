-- Purpose: messages that have had their effect, or are cancelled.
-- Parameters: $1 int[] shard, $2 int8[] machine key, $3 int8[] number.
-- Errors: PGF02 one is gone already. Plan: index scan of message_pkey.
WITH ended AS (
  SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[])
    AS ended (shard, machine_key, number)
), gone AS (
  DELETE FROM message USING ended
  WHERE message.shard = ended.shard AND message.machine_key = ended.machine_key
    AND message.number = ended.number
  RETURNING 1
)
SELECT expect((SELECT count(*) FROM gone), cardinality($1), 'messages');
