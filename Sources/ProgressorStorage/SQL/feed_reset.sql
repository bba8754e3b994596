-- Purpose: that a consumer goes on elsewhere.
-- Parameters: as of feed_acknowledge; then $5 bool whether all other shards begin at the oldest
-- entry.
-- Runs: behind feed_consumer_lock.
-- Result: whether there is such a consumer.
WITH known AS (
  UPDATE feed_consumer SET generation = generation + 1
  WHERE name = $1 AND ($2::text IS NULL OR principal = $2)
  RETURNING name
), gone AS (
  DELETE FROM feed_cursor USING known
  WHERE $5 AND feed_cursor.consumer = known.name AND feed_cursor.shard <> ALL ($3::int[])
), written AS (
  INSERT INTO feed_cursor (shard, consumer, sequence)
  SELECT given.shard, known.name, given.sequence
  FROM known
  CROSS JOIN (
    SELECT shard, max(sequence) AS sequence
    FROM unnest($3::int[], $4::int8[]) AS cursor (shard, sequence)
    GROUP BY shard) AS given
  ORDER BY given.shard
  ON CONFLICT (shard, consumer) DO UPDATE SET
    sequence = excluded.sequence, acknowledged_at = NULL
)
SELECT EXISTS (SELECT FROM known);
