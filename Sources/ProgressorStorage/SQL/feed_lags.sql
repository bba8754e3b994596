-- Purpose: how far consumers are behind. By one node of all, as census_namespaces.
-- Parameters: $1 uuid node; $2 int8 consumers at most.
-- Result: per consumer its name, the entries behind its cursors, and the microseconds since the
-- oldest of them was committed, 0 = there are none; none when another node counts. The first by
-- name.
-- Plan: per consumer and shard feed_cursor_pkey, the ends of feed_pkey, and its next entry.
SELECT consumer.name,
  coalesce(sum(newest.sequence - next.sequence + 1), 0)::int8,
  greatest(0, coalesce(extract(
    epoch FROM now() - min(next.created_at)) * 1000000, 0))::int8
FROM (
  SELECT feed_consumer.name FROM feed_consumer ORDER BY feed_consumer.name LIMIT $2
) AS consumer
CROSS JOIN shard
LEFT JOIN feed_cursor AS cursor
  ON cursor.shard = shard.shard AND cursor.consumer = consumer.name
LEFT JOIN LATERAL (
  SELECT feed.sequence, feed.created_at FROM feed
  WHERE feed.shard = shard.shard AND feed.sequence > coalesce(cursor.sequence, 0)
  ORDER BY feed.shard, feed.sequence LIMIT 1) AS next ON true
LEFT JOIN LATERAL (
  SELECT feed.sequence FROM feed WHERE feed.shard = shard.shard
  ORDER BY feed.shard DESC, feed.sequence DESC LIMIT 1) AS newest ON true
WHERE (
  SELECT first.owner
  FROM shard AS first
  JOIN node ON node.id = first.owner AND node.expires_at > now()
  ORDER BY first.shard
  LIMIT 1
) = $1
GROUP BY consumer.name
ORDER BY consumer.name;
