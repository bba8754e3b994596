-- Purpose: on a new connection of a writer: wait until the old one's batch has ended, or stop it.
-- No row = the lease was taken over.
-- Parameters: $1 uuid node, $2 int slot. Nobody else raises the epoch of our row, so what an
-- earlier attempt of unknown outcome did to it makes no difference.
-- Locks: the writer's row; run it with a lock_timeout and end the old session when it passes.
UPDATE writer SET epoch = epoch + 1 WHERE node = $1 AND slot = $2 RETURNING epoch;
