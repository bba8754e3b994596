-- Purpose: which of the node's own writers PostgreSQL is at work for: a batch that takes long is
-- not a batch that is stuck. A session that waits for its client may be cut off from it.
-- Parameters: $1 int[] slot, $2 int[] process id, $3 timestamptz[] start of the process: ids are
-- used again.
-- Locks: none. With track_activities off no session is said to be at work.
SELECT asked.slot
FROM unnest($1::int[], $2::int[], $3::timestamptz[]) AS asked (slot, pid, started_at)
JOIN pg_stat_activity AS session
  ON session.pid = asked.pid AND session.backend_start = asked.started_at
WHERE session.state = 'active' AND session.wait_event_type IS DISTINCT FROM 'Client';
