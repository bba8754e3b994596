-- Purpose: how many messages machines have, after some were delivered or given up. Several of one
-- machine add up; one that is gone has none to count. The version stays, so that this conflicts
-- with no step that runs meanwhile.
-- Parameters: $1 int[] shard, $2 int8[] machine key, $3 int[] how many more are pending, $4 int[]
-- how many more can never be delivered.
-- Plan: index scan of machine_pkey.
WITH ended AS (
  SELECT shard, machine_key, sum(pending)::int AS pending, sum(undelivered)::int AS undelivered
  FROM unnest($1::int[], $2::bigint[], $3::int[], $4::int[])
    AS ended (shard, machine_key, pending, undelivered)
  GROUP BY shard, machine_key
)
UPDATE machine SET
  pending_messages = machine.pending_messages + ended.pending,
  undelivered_messages = machine.undelivered_messages + ended.undelivered
FROM ended
WHERE machine.shard = ended.shard AND machine.machine_key = ended.machine_key;
