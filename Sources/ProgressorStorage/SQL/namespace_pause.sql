-- Purpose: pause a namespace, or end its pause. No row = there is none of this name, or it is so
-- already: a second pause does not change when and why the first began.
-- Parameters: $1 text name, $2 text why, NULL = resume; $3 text who.
-- The clock is read once: who paused it is known by the time of the pause.
WITH pause AS MATERIALIZED (
  SELECT CASE WHEN $2::text IS NOT NULL THEN clock_timestamp() END AS began_at
)
UPDATE namespace SET
  paused_at = pause.began_at,
  pause_reason = $2,
  pause_noted_at = pause.began_at,
  pause_principal = CASE WHEN $2 IS NOT NULL THEN $3::text END,
  version = version + 1
FROM pause
WHERE name = $1 AND (paused_at IS NULL) = ($2 IS NOT NULL)
RETURNING number;
