-- Purpose: a consumer that begins at these numbers, unless there is one of the name.
-- Parameters: $1 text its name; $2 text who makes it, NULL = nobody has an identity; $3 int[]
-- shards, $4 int8[] behind which numbers, in the same order; of one shard the greatest counts. The
-- other shards begin at the oldest entry.
-- Its generation is none that a deleted one of the name had: who read with that one hears of it.
WITH made AS (
  INSERT INTO feed_consumer (name, principal, generation)
  VALUES ($1, $2, 1 + (random() * 1e15)::int8)
  ON CONFLICT (name) DO NOTHING
  RETURNING name
)
INSERT INTO feed_cursor (shard, consumer, sequence)
SELECT given.shard, made.name, given.sequence
FROM made
CROSS JOIN (
  SELECT shard, max(sequence) AS sequence
  FROM unnest($3::int[], $4::int8[]) AS cursor (shard, sequence)
  GROUP BY shard) AS given
ON CONFLICT (shard, consumer) DO UPDATE SET sequence = excluded.sequence, acknowledged_at = NULL;
