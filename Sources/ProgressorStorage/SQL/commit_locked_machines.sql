-- Purpose: of the machines of a batch, those whose rows somebody has locked, without waiting for
-- any. Machines that are gone, or are not there yet, are not among them; nor is one of which only
-- other rows are locked.
-- Runs: under the fence, in a transaction of its own: it ends at once, and our locks with it.
-- Parameters: $1 int[] shard, $2 int8[] machine key.
-- Locks: the rows that nobody has locked, as an update would (FOR NO KEY UPDATE).
-- Result: shard, machine key. Plan: index scans of machine_pkey.
WITH asked AS MATERIALIZED (
  SELECT * FROM unnest($1::int[], $2::bigint[]) AS asked (shard, machine_key)
), free AS MATERIALIZED (
  SELECT machine.shard, machine.machine_key
  FROM asked
  JOIN machine ON machine.shard = asked.shard AND machine.machine_key = asked.machine_key
  FOR NO KEY UPDATE OF machine SKIP LOCKED
)
SELECT machine.shard, machine.machine_key
FROM asked
JOIN machine ON machine.shard = asked.shard AND machine.machine_key = asked.machine_key
WHERE NOT EXISTS (
  SELECT FROM free
  WHERE free.shard = machine.shard AND free.machine_key = machine.machine_key);
