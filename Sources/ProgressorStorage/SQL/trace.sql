-- Purpose: a page of what happened to a machine, the newest record first.
-- Parameters: $1 int namespace, $2 text machine id, $3 int shard, $4 int8 records before this
-- sequence, $5 int at most so many.
-- Result: no row = there is no such machine; one of NULLs = nothing is recorded of it, or nothing
-- before that sequence.
-- Plan: machine_namespace_id_shard_key, then a range of trace_pkey, backward.
SELECT record.*
FROM machine
LEFT JOIN LATERAL (
  SELECT trace.sequence, trace.step, trace.kind, trace.began_at, trace.ended_at, trace.outcome,
    trace.attempt, trace.code, trace.message, trace.first_event_id, trace.last_event_id,
    trace.principal, trace.trace_id
  FROM trace
  WHERE trace.shard = machine.shard AND trace.machine_key = machine.machine_key
    AND trace.sequence < $4
  ORDER BY trace.shard DESC, trace.machine_key DESC, trace.sequence DESC
  LIMIT $5
) AS record ON true
WHERE machine.namespace = $1 AND machine.id = $2 AND machine.shard = $3;
