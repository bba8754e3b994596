-- Purpose: that these subscribers are gone.
-- Parameters: $1 text[] consumers, $2 uuid[] subscribers, in the same order.
DELETE FROM feed_subscriber
USING unnest($1::text[], $2::uuid[]) AS given (consumer, id)
WHERE feed_subscriber.consumer = given.consumer AND feed_subscriber.id = given.id;
