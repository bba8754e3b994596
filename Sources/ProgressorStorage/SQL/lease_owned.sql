-- Purpose: the shards that a node owns, whatever it believes: a takeover of unknown outcome counts.
-- Parameters: $1 uuid node. Plan: shard_by_owner.
SELECT shard, epoch FROM shard WHERE owner = $1 ORDER BY shard;
