-- Purpose: look ahead among messages that are to be delivered, those that are due first before
-- others.
-- Parameters: $1 uuid node, $2 timestamptz, $3 int, $4 int8 behind this time of delivery, shard and
-- number (a time NULL = from the first), $5 timestamptz to be delivered at the latest, $6 int look
-- at so many at most, $7 int, $8 int of the shards that leave, divided by $7, the rest $8, $9 text
-- the namespace of their targets, NULL = any.
-- Result: the place of each message; then its sender's key, its target and when it is tried next,
-- the key NULL = its shard, or its target's namespace, is another one. If there are as
-- many rows as may be looked at, there may be more.
-- Plan: index scan of message_due in its order, without a sort; shard_pkey per row. As of
-- due_machines.
SELECT message.deliver_at, message.shard, message.number,
  CASE WHEN message.shard % $7 = $8 AND coalesce(message.target_namespace = $9, true)
    AND (SELECT shard.owner FROM shard WHERE shard.shard = message.shard) = $1
    THEN message.machine_key END,
  message.target_namespace, message.target, message.due_at
FROM message
WHERE message.due_at IS NOT NULL
  AND (message.deliver_at, message.shard, message.number)
    > (coalesce($2::timestamptz, '-infinity'), $3, $4)
  AND message.deliver_at >= coalesce($2::timestamptz, '-infinity') AND message.deliver_at <= $5
ORDER BY message.deliver_at, message.shard, message.number
LIMIT $6;
