-- Purpose: take the shards that nobody owns.
-- Parameters: $1 uuid the taking node.
-- Locks: own node, those shards. Errors: PGF01 the own lease is over.
SELECT taken_shard, taken_epoch FROM claim_shards($1);
