-- Purpose: whom a session waits for now.
-- Parameters: $1 int its process.
-- Result: their processes; 0 = a prepared transaction.
SELECT unnest(pg_blocking_pids($1));
