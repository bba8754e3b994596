-- Purpose: give every shard back and end the lease in order.
-- Parameters: $1 uuid node.
-- Locks: node, its writers (waits for an open batch), its shards.
SELECT release_lease($1);
