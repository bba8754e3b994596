-- Purpose: begin a batch: lock the writer's row and stop everything unless it is still ours.
-- Parameters: $1 uuid node, $2 int slot, $3 int8 epoch, $4 text milliseconds that each later
-- statement of the transaction may take; the commit itself has no such end.
-- Locks: the writer's row until the commit (FOR NO KEY UPDATE); a takeover waits for it.
-- Result: nothing, and the number of the transaction: after a failover it tells what is missing.
-- Errors: PGF01. Plan: index scan of writer_pkey.
SELECT fence($1, $2, $3), pg_current_xact_id()::text::int8,
  set_config('statement_timeout', $4, true);
