-- Purpose: keep everybody from starting machines in a namespace, and wait for batches that do.
-- Parameters: $1 int number.
-- Locks: the namespace (FOR UPDATE). Result: no row = it is gone.
-- Plan: index scan of namespace_pkey, or the table where it has few rows.
SELECT number FROM namespace WHERE number = $1 FOR UPDATE;
