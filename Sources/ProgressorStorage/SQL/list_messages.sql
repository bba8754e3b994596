-- Purpose: a page of what a machine has sent and is not delivered, by number.
-- Parameters: $1 int shard, $2 int namespace, $3 text id, $4 int8 behind this number, $5 int look
-- at so many at most, $6 int8 begin none beyond so many bytes of args.
-- Result: how many were looked at, then what a message carries and its columns, NULL = there is
-- none. No row = there is no such machine.
-- Plan: index scan of machine_namespace_id_shard_key, then of message_pkey in its order.
SELECT listed.looked, listed.args, listed.number, listed.target_namespace, listed.target,
  listed.kind, listed.name, listed.reports_failure, listed.created_at, listed.deliver_at,
  listed.attempts, listed.due_at, listed.last_code, listed.last_reason
FROM machine
LEFT JOIN LATERAL (
  SELECT page.*, sum(octet_length(page.args)) OVER (ORDER BY page.number) AS running,
    count(*) OVER () AS looked
  FROM (
    SELECT * FROM message
    WHERE message.shard = machine.shard AND message.machine_key = machine.machine_key
      AND message.number > $4
    ORDER BY message.shard, message.machine_key, message.number
    LIMIT $5
  ) AS page
) AS listed ON listed.running - octet_length(listed.args) < $6
WHERE machine.shard = $1 AND machine.namespace = $2 AND machine.id = $3
ORDER BY listed.number;
