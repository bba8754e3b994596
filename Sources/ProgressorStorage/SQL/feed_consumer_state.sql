-- Purpose: how far a consumer has come.
-- Parameters: $1 text its name; $2 text the only one who may know of it, NULL = whoever.
-- Result: no row = there is none. Else its generation, the shards and the numbers, in one
-- order, and whose it is, NULL = nobody's who has an identity.
SELECT consumer.generation,
  coalesce(array_agg(cursor.shard) FILTER (WHERE cursor.shard IS NOT NULL), '{}'),
  coalesce(array_agg(cursor.sequence) FILTER (WHERE cursor.shard IS NOT NULL), '{}'),
  consumer.principal
FROM feed_consumer AS consumer
LEFT JOIN feed_cursor AS cursor ON cursor.consumer = consumer.name
WHERE consumer.name = $1 AND ($2::text IS NULL OR consumer.principal = $2)
GROUP BY consumer.name, consumer.generation, consumer.principal;
