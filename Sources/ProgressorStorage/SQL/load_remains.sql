-- Purpose: what is left of a machine whose rows cannot be read: columns that are always plain.
-- Parameters: $1 int shard, $2 int namespace, $3 text id.
-- Plan: machine_namespace_id_shard_key.
SELECT machine_key, version, created_at, last_event_id, last_event_at,
  failed_at, failure_reason, failure_step, failure_code, failure_attempts,
  CASE WHEN failure_noted_at = failed_at THEN failure_token END,
  CASE WHEN failure_noted_at = failed_at THEN failure_principal END, notification_count
FROM machine
WHERE shard = $1 AND namespace = $2 AND id = $3;
