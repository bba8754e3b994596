-- Purpose: wait before another attempt.
-- Parameters: $1 float8 seconds.
SELECT pg_sleep($1);
