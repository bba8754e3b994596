-- Purpose: after an unknown outcome, and after the epoch was raised: the machine's version; no row
-- = it does not exist.
-- Parameters: $1 int shard, $2 int8 machine key. Plan: machine_pkey.
SELECT version FROM machine WHERE shard = $1 AND machine_key = $2;
