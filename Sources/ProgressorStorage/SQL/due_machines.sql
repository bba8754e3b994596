-- Purpose: look ahead among the machines of one's own shards that have something to do by
-- themselves, oldest first.
-- Parameters: $1 uuid node, $2 timestamptz due at the latest, $3 timestamptz, $4 int, $5 int8 behind
-- this due time, shard and machine key, $6 int at most so many, $7 int of this namespace alone, null
-- = of all.
-- Plan: index scan of machine_due in its order, without a sort; shard_pkey and namespace_pkey per
-- row. Subqueries, not joins: a join could be planned to begin at the other end.
SELECT machine.due_at, machine.shard, machine.machine_key,
  (SELECT namespace.name FROM namespace WHERE namespace.number = machine.namespace), machine.id
FROM machine
WHERE machine.due_at IS NOT NULL AND machine.due_at <= $2
  AND (machine.due_at, machine.shard, machine.machine_key) > ($3, $4, $5)
  AND ($7::int IS NULL OR machine.namespace = $7)
  AND (SELECT shard.owner FROM shard WHERE shard.shard = machine.shard) = $1
ORDER BY machine.due_at, machine.shard, machine.machine_key
LIMIT $6;
