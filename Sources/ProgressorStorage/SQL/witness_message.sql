-- Purpose: whether a message is there, and how often it was tried.
-- Parameters: $1 int shard, $2 int8 machine key, $3 int8 number. Plan: message_pkey.
SELECT attempts FROM message WHERE shard = $1 AND machine_key = $2 AND number = $3;
