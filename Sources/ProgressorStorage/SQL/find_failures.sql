-- Purpose: failed machines of a page that is asked for by their failures, which no index orders by
-- id: so many are looked at, and no more.
-- Parameters: $1 int namespace, $2 text behind this id, $3 text from the first id with the prefix,
-- $4 text to the last, $5 int at most so many, $6 int look at so many at most, $7 timestamptz
-- failed since, NULL = whenever, $8 int gRPC code, NULL = any, $9 bool only those that are paused
-- too.
-- Result: how many were looked at and the last of their ids, then a machine; at least one row.
-- Plan: index scan of machine_failed in its order.
WITH looked AS (
  SELECT machine.shard, machine.machine_key, machine.id,
    ($7::timestamptz IS NULL OR machine.failed_at >= $7)
      AND ($8::int IS NULL OR machine.failure_code = $8)
      AND (NOT $9::bool OR machine.paused_at IS NOT NULL) AS fits
  FROM machine
  WHERE machine.namespace = $1 AND machine.id > $2 AND machine.id >= $3 AND machine.id <= $4
    AND machine.failed_at IS NOT NULL
  ORDER BY machine.namespace, machine.id
  LIMIT $6
)
SELECT seen.looked, seen.reached, hit.shard, hit.machine_key, hit.id
FROM (SELECT count(*) AS looked, max(id) AS reached FROM looked) AS seen
LEFT JOIN (
  SELECT shard, machine_key, id FROM looked WHERE fits ORDER BY id LIMIT $5
) AS hit ON true
ORDER BY hit.id;
