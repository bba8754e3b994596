-- Purpose: that these subscribers live, and which part of their consumer's shards each has.
-- Parameters: $1 text[] consumers, $2 uuid[] subscribers, in the same order; $3 int8 microseconds
-- after which one that was not seen is gone.
-- Locks: their rows. Then of others that are gone the rows are deleted, unless they are locked: two
-- that take each other for gone do not wait for each other.
-- Result: per subscriber its consumer and id; the consumer's generation, NULL = it was deleted; its
-- place, the first is 0, and how many there are.
WITH mine AS (
  SELECT * FROM unnest($1::text[], $2::uuid[]) AS given (consumer, id)
), beat AS (
  INSERT INTO feed_subscriber (consumer, id, joined_at, seen_at)
  SELECT mine.consumer, mine.id, now(), now() FROM mine
  WHERE EXISTS (SELECT FROM feed_consumer WHERE feed_consumer.name = mine.consumer)
  ORDER BY mine.consumer, mine.id
  ON CONFLICT (consumer, id) DO UPDATE SET seen_at = excluded.seen_at
  RETURNING id
), stale AS (
  SELECT subscriber.consumer, subscriber.id FROM feed_subscriber AS subscriber
  WHERE subscriber.consumer = ANY ($1::text[])
    AND subscriber.seen_at < now() - $3 * interval '1 microsecond'
    AND NOT EXISTS (
      SELECT FROM mine WHERE mine.consumer = subscriber.consumer AND mine.id = subscriber.id)
    AND (SELECT count(*) FROM beat) >= 0
  FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM feed_subscriber USING stale
  WHERE feed_subscriber.consumer = stale.consumer AND feed_subscriber.id = stale.id
), live AS (
  SELECT known.consumer, known.id, min(known.joined_at) AS joined_at
  FROM (
    SELECT subscriber.consumer, subscriber.id, subscriber.joined_at
    FROM feed_subscriber AS subscriber
    WHERE subscriber.consumer = ANY ($1::text[])
      AND (subscriber.seen_at >= now() - $3 * interval '1 microsecond' OR EXISTS (
        SELECT FROM mine WHERE mine.consumer = subscriber.consumer AND mine.id = subscriber.id))
    UNION ALL
    SELECT mine.consumer, mine.id, now() FROM mine
  ) AS known
  GROUP BY known.consumer, known.id
), placed AS (
  SELECT live.consumer, live.id,
    row_number() OVER (PARTITION BY live.consumer ORDER BY live.joined_at, live.id) - 1 AS place,
    count(*) OVER (PARTITION BY live.consumer) AS parts
  FROM live
)
SELECT mine.consumer, mine.id, feed_consumer.generation, placed.place, placed.parts
FROM mine
JOIN placed ON placed.consumer = mine.consumer AND placed.id = mine.id
LEFT JOIN feed_consumer ON feed_consumer.name = mine.consumer;
