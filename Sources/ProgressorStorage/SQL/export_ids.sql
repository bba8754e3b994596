-- Purpose: the next machines of a namespace that are exported.
-- Parameters: $1 int namespace, $2 text behind this id, $3 int at most so many.
-- Result: ids in the order of their bytes. Plan: index only scan of machine_namespace_id_shard_key.
SELECT id FROM machine WHERE namespace = $1 AND id > $2 ORDER BY namespace, id LIMIT $3;
