-- Purpose: end one's own lease at once and let the regular takeover do the fencing: the commit path
-- is stuck, or the database is not the one that was known.
-- Parameters: $1 uuid node.
UPDATE node SET expires_at = '-infinity' WHERE id = $1;
