-- Purpose: how far the feed of each shard has come.
-- Result: per shard its number, and that of its newest entry, 0 = there was none.
-- Plan: per shard the last entry of feed_pkey, and the rows of feed_trimmed_pkey.
SELECT shard.shard, greatest(
  (SELECT feed.sequence FROM feed WHERE feed.shard = shard.shard
   ORDER BY feed.shard DESC, feed.sequence DESC LIMIT 1),
  (SELECT max(feed_trimmed.sequence) FROM feed_trimmed
   WHERE feed_trimmed.shard = shard.shard), 0)
FROM shard
ORDER BY shard.shard;
