-- Purpose: messages of machines, as they stand, for many loads at once; without what they carry.
-- Parameters: $1 int[] number of the load, $2 int[] shard, $3 int[] namespace, $4 text[] id, $5
-- int8[] number of the message.
-- Result: per message that is there: the load, 0, its columns.
-- Plan: per load machine_namespace_id_shard_key, then message_pkey.
SELECT wanted.load, 0, message.number, message.target_namespace, message.target, message.kind,
  message.name, message.reports_failure, message.created_at, message.deliver_at,
  message.attempts, message.due_at, message.last_code, message.last_reason
FROM unnest($1::int[], $2::int[], $3::int[], $4::text[], $5::bigint[])
  AS wanted (load, shard, namespace, id, number)
JOIN machine ON machine.shard = wanted.shard AND machine.namespace = wanted.namespace
  AND machine.id = wanted.id
JOIN message ON message.shard = machine.shard AND message.machine_key = machine.machine_key
  AND message.number = wanted.number;
