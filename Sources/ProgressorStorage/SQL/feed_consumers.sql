-- Purpose: a page of the consumers, by name, and how far they have come.
-- Parameters: $1 text behind which name, '' = from the first on; $2 int how many; $3 text the only
-- one whose are shown, NULL = all; $4 int8 microseconds after which a subscriber that was not seen
-- is gone.
-- Result: name, when it was made; shards and numbers, in one order; subscribers; entries behind
-- them; when something was acknowledged last.
-- Plan: per consumer and shard the ends of feed_pkey.
SELECT consumer.name, consumer.created_at, progress.shards, progress.sequences,
  (SELECT count(*) FROM feed_subscriber
   WHERE feed_subscriber.consumer = consumer.name
     AND feed_subscriber.seen_at >= now() - $4 * interval '1 microsecond')::int4,
  progress.behind, progress.acknowledged_at
FROM feed_consumer AS consumer
CROSS JOIN LATERAL (
  SELECT
    coalesce(array_agg(cursor.shard ORDER BY cursor.shard)
      FILTER (WHERE cursor.shard IS NOT NULL), '{}') AS shards,
    coalesce(array_agg(cursor.sequence ORDER BY cursor.shard)
      FILTER (WHERE cursor.shard IS NOT NULL), '{}') AS sequences,
    coalesce(sum(greatest(
      newest.sequence - greatest(cursor.sequence, oldest.sequence - 1), 0)), 0)::int8 AS behind,
    max(cursor.acknowledged_at) AS acknowledged_at
  FROM shard
  LEFT JOIN feed_cursor AS cursor
    ON cursor.shard = shard.shard AND cursor.consumer = consumer.name
  LEFT JOIN LATERAL (
    SELECT feed.sequence FROM feed WHERE feed.shard = shard.shard
    ORDER BY feed.shard DESC, feed.sequence DESC LIMIT 1) AS newest ON true
  LEFT JOIN LATERAL (
    SELECT feed.sequence FROM feed WHERE feed.shard = shard.shard
    ORDER BY feed.shard, feed.sequence LIMIT 1) AS oldest ON true
) AS progress
WHERE consumer.name > $1 AND ($3::text IS NULL OR consumer.principal = $3)
ORDER BY consumer.name
LIMIT $2;
