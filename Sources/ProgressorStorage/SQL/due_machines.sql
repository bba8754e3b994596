-- Purpose: look ahead among the machines of one's own shards that have something to do by
-- themselves, oldest first.
-- Parameters: $1 uuid node, $2 timestamptz due at the latest, $3 timestamptz, $4 int, $5 int8 behind
-- this due time, shard and machine key, $6 int at most so many.
-- Plan: index scan of machine_due in its order; shard_pkey and namespace_pkey per row.
SELECT machine.due_at, machine.shard, machine.machine_key, namespace.name, machine.id
FROM machine
JOIN shard ON shard.shard = machine.shard AND shard.owner = $1
JOIN namespace ON namespace.number = machine.namespace
WHERE machine.due_at IS NOT NULL AND machine.due_at <= $2
  AND (machine.due_at, machine.shard, machine.machine_key) > ($3, $4, $5)
ORDER BY machine.due_at, machine.shard, machine.machine_key
LIMIT $6;
