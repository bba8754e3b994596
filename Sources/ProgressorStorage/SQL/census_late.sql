-- Purpose: the machines of a node's shards that are due for longest, of each namespace that is not
-- paused.
-- Parameters: $1 uuid node, $2 int8 due for so many microseconds at least, $3 int8 look at so many
-- of a namespace at most, $4 int[] namespaces that are left out.
-- Result: oldest first in each namespace. An infinite due time is damaged, and none.
-- Plan: for each namespace an index scan of machine_due_by_namespace in its order, without a sort;
-- shard_pkey per row.
SELECT namespace.number, namespace.name, head.id, head.due_at
FROM namespace
CROSS JOIN LATERAL (
  SELECT machine.id, machine.due_at, machine.shard
  FROM machine
  WHERE machine.namespace = namespace.number AND machine.due_at IS NOT NULL
    AND machine.due_at > '-infinity'
    AND machine.due_at <= now() - $2 * interval '1 microsecond'
  ORDER BY machine.due_at, machine.shard, machine.machine_key
  LIMIT $3
) AS head
WHERE namespace.paused_at IS NULL AND namespace.number <> ALL ($4)
  AND (SELECT shard.owner FROM shard WHERE shard.shard = head.shard) = $1;
