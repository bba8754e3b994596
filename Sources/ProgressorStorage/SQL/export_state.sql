-- Purpose: whether a machine that is being exported is still the one it was.
-- Parameters: $1 int shard, $2 int namespace, $3 text id.
-- Result: its key and version; no row = it is gone. Plan: index scan of
-- machine_namespace_id_shard_key.
SELECT machine_key, version FROM machine WHERE shard = $1 AND namespace = $2 AND id = $3;
