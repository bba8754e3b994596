-- Purpose: after an unknown outcome, and after the epoch was raised: whether a record is there; no
-- row = it is not.
-- Parameters: $1 int shard, $2 int8 machine key, $3 int8 sequence. Plan: trace_pkey. Its order is
-- asked for, or else another index might do while the table is empty.
SELECT sequence FROM trace
WHERE shard = $1 AND machine_key = $2 AND sequence >= $3 AND sequence <= $3
ORDER BY sequence;
