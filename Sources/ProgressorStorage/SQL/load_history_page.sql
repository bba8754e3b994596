-- Purpose: the next page of a long range of a history. What was written once stays as it is, so
-- that pages need no common snapshot.
-- Parameters: $1 int shard, $2 int8 machine key, $3 int8 first, $4 int8 last event of what is left,
-- $5 int at most so many events, $6 int8 and begins none beyond so many bytes.
-- Result: in the order of ids. Plan: index scan of event_pkey.
SELECT page.id, page.created_at, page.format, page.data
FROM (
  SELECT head.*, sum(octet_length(head.data)) OVER (ORDER BY head.id) AS running
  FROM (
    SELECT id, created_at, format, data
    FROM event
    WHERE event.shard = $1 AND event.machine_key = $2 AND event.id BETWEEN $3 AND $4
    ORDER BY event.shard, event.machine_key, event.id
    LIMIT $5
  ) AS head
) AS page
WHERE page.running - octet_length(page.data) < $6
ORDER BY page.id;
