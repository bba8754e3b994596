-- Purpose: the next events of a machine that is exported.
-- Parameters: $1 int shard, $2 int namespace, $3 text id, $4 int8 behind this event, $5 int at most
-- so many, $6 int8 and begins none beyond so many bytes.
-- Result: in the order of ids. Plan: index scan of machine_namespace_id_shard_key, then of
-- event_pkey in its order.
SELECT page.id, page.created_at, page.format, page.data
FROM machine
CROSS JOIN LATERAL (
  SELECT head.*, sum(octet_length(head.data)) OVER (ORDER BY head.id) AS running
  FROM (
    SELECT event.id, event.created_at, event.format, event.data
    FROM event
    WHERE event.shard = machine.shard AND event.machine_key = machine.machine_key
      AND event.id > $4
    ORDER BY event.shard, event.machine_key, event.id
    LIMIT $5
  ) AS head
) AS page
WHERE machine.shard = $1 AND machine.namespace = $2 AND machine.id = $3
  AND page.running - octet_length(page.data) < $6
ORDER BY page.id;
