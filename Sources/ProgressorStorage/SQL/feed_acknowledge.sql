-- Purpose: how far a consumer has come; never back.
-- Parameters: $1 text its name; $2 text the only one who may know of it, NULL = whoever; $3 int[]
-- shards, $4 int8[] numbers, in the same order; of one shard the greatest counts; $5 int8 the
-- generation of the consumer that is meant, NULL = whichever.
-- Locks: the consumer (FOR KEY SHARE), then its cursors by shard.
-- Result: whether there is such a consumer; of a shard whose feed has not come so far its number
-- and how far it has, NULL = there is none. Then nothing is written.
WITH known AS MATERIALIZED (
  SELECT name FROM feed_consumer
  WHERE name = $1 AND ($2::text IS NULL OR principal = $2)
    AND ($5::int8 IS NULL OR generation = $5)
  FOR KEY SHARE
), ahead AS MATERIALIZED (
  SELECT given.shard, head.sequence
  FROM unnest($3::int[], $4::int8[]) AS given (shard, sequence)
  CROSS JOIN LATERAL (
    SELECT greatest(
      (SELECT feed.sequence FROM feed WHERE feed.shard = given.shard
       ORDER BY feed.shard DESC, feed.sequence DESC LIMIT 1),
      (SELECT max(feed_trimmed.sequence) FROM feed_trimmed
       WHERE feed_trimmed.shard = given.shard), 0) AS sequence
  ) AS head
  WHERE given.sequence > head.sequence
  LIMIT 1
), written AS (
  INSERT INTO feed_cursor AS stored (shard, consumer, sequence, acknowledged_at)
  SELECT given.shard, known.name, given.sequence, now()
  FROM known
  CROSS JOIN (
    SELECT shard, max(sequence) AS sequence
    FROM unnest($3::int[], $4::int8[]) AS cursor (shard, sequence)
    GROUP BY shard) AS given
  WHERE NOT EXISTS (SELECT FROM ahead)
  ORDER BY given.shard
  ON CONFLICT (shard, consumer) DO UPDATE SET
    sequence = excluded.sequence, acknowledged_at = excluded.acknowledged_at
  WHERE stored.sequence <= excluded.sequence
)
SELECT EXISTS (SELECT FROM known), (SELECT shard FROM ahead), (SELECT sequence FROM ahead);
