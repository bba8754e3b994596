-- Purpose: pause a namespace, or end its pause. No row = there is none of this name, or it is so
-- already: a second pause does not change when and why the first began.
-- Parameters: $1 text name, $2 text why, NULL = resume.
UPDATE namespace SET
  paused_at = CASE WHEN $2::text IS NOT NULL THEN clock_timestamp() END,
  pause_reason = $2,
  version = version + 1
WHERE name = $1 AND (paused_at IS NULL) = ($2 IS NOT NULL)
RETURNING number;
