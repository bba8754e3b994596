-- Purpose: take the shards of a dead node, after its open batches and before any later one.
-- Parameters: $1 uuid the taking node, $2 uuid the dead one, $3 bool it is known to be dead.
-- Locks: own node, dead node, its writers, its shards, in this order.
-- Errors: PGF01 the own lease is over; 55P03 a frozen session of the dead node holds a writer row.
SELECT taken_shard, taken_epoch FROM take_over($1, $2, $3);
