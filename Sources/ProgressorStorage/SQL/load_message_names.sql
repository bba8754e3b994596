-- Purpose: the names of messages that machines can cancel, for many loads at once.
-- Parameters: $1 int[] number of the load, $2 int[] shard, $3 int[] namespace, $4 text[] id.
-- Result: the load, 0, a name and the number of its message.
-- Plan: per load machine_namespace_id_shard_key, then an index-only scan of message_named.
SELECT wanted.load, 0, message.name, message.number
FROM unnest($1::int[], $2::int[], $3::int[], $4::text[]) AS wanted (load, shard, namespace, id)
JOIN machine ON machine.shard = wanted.shard AND machine.namespace = wanted.namespace
  AND machine.id = wanted.id
JOIN message ON message.shard = machine.shard AND message.machine_key = machine.machine_key
  AND message.name IS NOT NULL AND message.due_at IS NOT NULL;
