-- Purpose: give such a lock back.
-- Parameters: $1 int8 which.
SELECT pg_advisory_unlock($1);
