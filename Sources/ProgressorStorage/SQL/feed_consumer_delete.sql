-- Purpose: a consumer is forgotten.
-- Parameters: $1 text its name; $2 text the only one who may know of it, NULL = whoever.
-- Runs: behind feed_consumer_lock. Locks: then its subscribers, in their order.
-- Result: whether there was such a consumer.
WITH gone AS (
  DELETE FROM feed_consumer
  WHERE name = $1 AND ($2::text IS NULL OR principal = $2)
  RETURNING name
), cursors AS (
  DELETE FROM feed_cursor USING gone WHERE feed_cursor.consumer = gone.name
), subscribers AS (
  SELECT feed_subscriber.consumer, feed_subscriber.id
  FROM gone
  JOIN feed_subscriber ON feed_subscriber.consumer = gone.name
  ORDER BY feed_subscriber.consumer, feed_subscriber.id
  FOR UPDATE OF feed_subscriber
), left_alone AS (
  DELETE FROM feed_subscriber USING subscribers
  WHERE feed_subscriber.consumer = subscribers.consumer AND feed_subscriber.id = subscribers.id
)
SELECT EXISTS (SELECT FROM gone);
