-- Purpose: after a batch failed for what may be the fault of a step or the database's: whether the
-- database takes writes at all. Nothing is left of it.
-- Runs: under the fence, like everything that writes.
-- Parameters: $1 int shard.
-- Errors: always one. PGF03 everything could be written; another one says what could not.
SELECT probe_writing($1);
