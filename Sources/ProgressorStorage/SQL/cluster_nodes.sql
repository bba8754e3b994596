-- Purpose: the nodes that have or had a lease, by name.
-- Result: what they say of themselves, until when the lease lasts (one that was given up: as if it
-- had ended with its beginning), and how many shards each owns.
-- Plan: all rows of node, a few; shard_by_owner for each.
SELECT node.id, node.name, node.address, node.version, node.started_at,
  greatest(node.expires_at, node.started_at),
  (SELECT count(*) FROM shard WHERE shard.owner = node.id)
FROM node
ORDER BY node.name COLLATE "C", node.started_at, node.id
LIMIT 1000;
