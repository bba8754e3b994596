-- Purpose: messages that are to be delivered, as they are.
-- Parameters: $1 int[] place among those asked for, $2 int[] shard, $3 int8[] machine key, $4
-- int8[] number, $5 int8 bytes of args that may come, but for a first one that has more.
-- Result: of each that is there and can be delivered, its place and its columns; args NULL = it
-- does not fit.
-- Plan: per message an index scan of message_pkey.
WITH found AS (
  SELECT wanted.place, message.*,
    sum(octet_length(message.args)) OVER (ORDER BY wanted.place) AS running
  FROM unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[])
    AS wanted (place, shard, machine_key, number)
  JOIN message ON message.shard = wanted.shard AND message.machine_key = wanted.machine_key
    AND message.number = wanted.number
  WHERE message.due_at IS NOT NULL
)
SELECT place, CASE WHEN running <= $5 OR running = octet_length(args) THEN args END, namespace,
  (SELECT namespace.name FROM namespace WHERE namespace.number = found.namespace), sender, context,
  number, target_namespace, target, kind, name, reports_failure, created_at, deliver_at, attempts,
  due_at, last_code, last_reason
FROM found;
