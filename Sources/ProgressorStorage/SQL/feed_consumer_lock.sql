-- Purpose: nobody acknowledges anything for this consumer until the transaction ends, and what was
-- acknowledged before is seen by the next statement of it.
-- Parameters: $1 text its name. Locks: the consumer.
SELECT FROM feed_consumer WHERE name = $1 FOR UPDATE;
