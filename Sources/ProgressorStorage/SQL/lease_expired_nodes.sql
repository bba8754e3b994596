-- Purpose: whose shards can be taken over, and what people call them.
-- Parameters: $1 uuid the asking node, $2 bool every other node is known to be dead.
-- Locks: none; `take_over` checks again under its lock.
SELECT id, name FROM node WHERE id <> $1 AND ($2 OR expires_at < clock_timestamp()) ORDER BY id;
