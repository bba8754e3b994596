-- Purpose: how many shards there are, and how many of them no living node owns.
-- Plan: all rows of shard, a bounded number.
SELECT count(*), count(*) FILTER (WHERE node.id IS NULL)
FROM shard
LEFT JOIN node ON node.id = shard.owner AND node.expires_at > now();
