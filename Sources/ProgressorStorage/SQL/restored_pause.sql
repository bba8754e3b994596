-- Purpose: a database that was put back to an earlier time: nothing of it runs by itself until its
-- namespaces are resumed. Those that are paused stay as they are.
-- Parameters: $1 text why.
WITH pause AS MATERIALIZED (SELECT clock_timestamp() AS began_at)
UPDATE namespace SET
  paused_at = pause.began_at,
  pause_reason = $1,
  pause_noted_at = pause.began_at,
  pause_principal = NULL,
  version = version + 1
FROM pause
WHERE paused_at IS NULL;
