-- Purpose: renew the lease by the database's clock. No row = it was taken over.
-- Parameters: $1 uuid node, $2 int8 time to live in microseconds.
-- Locks: the node's row, which a takeover locks too; nothing that a commit wants.
-- Result: the time of the database.
-- Plan: index scan of node_pkey.
UPDATE node SET expires_at = clock_timestamp() + $2 * interval '1 microsecond'
WHERE id = $1
RETURNING clock_timestamp();
