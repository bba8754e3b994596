-- Purpose: of machines that are removed, the messages that are not due yet, or can never be
-- delivered. The others are delivered.
-- Parameters: $1 int[] shard, $2 int8[] machine key, $3 timestamptz[] when each is removed.
-- Plan: index scan of message_pkey, as many rows as the machines have messages.
DELETE FROM message
USING unnest($1::int[], $2::bigint[], $3::timestamptz[]) AS removed (shard, machine_key, at)
WHERE message.shard = removed.shard AND message.machine_key = removed.machine_key
  AND (message.deliver_at > removed.at OR message.due_at IS NULL);
