-- Purpose: the rows of machines, for many loads at once.
-- Parameters: $1 int[] number of the load, $2 int[] shard, $3 int[] namespace, $4 text[] id, $5 int8
-- bytes of aux states that one round may bring.
-- Result: per machine that exists: the load, whether its aux state fits into the round (the first
-- always does), the columns of the row. What does not fit comes in a later round, alone if need be.
-- Plan: per load an index scan of machine_namespace_id_shard_key.
WITH found AS (
  SELECT wanted.load, machine.*,
    sum(coalesce(octet_length(machine.aux_data), 0)) OVER (ORDER BY wanted.load) AS running
  FROM unnest($1::int[], $2::int[], $3::int[], $4::text[]) AS wanted (load, shard, namespace, id)
  JOIN machine ON machine.shard = wanted.shard AND machine.namespace = wanted.namespace
    AND machine.id = wanted.id
), fitting AS (
  SELECT *, running <= $5 OR running = coalesce(octet_length(aux_data), 0) AS fits FROM found
)
SELECT load, fits,
  machine_key, version, created_at, last_event_id, last_event_at,
  aux_format, CASE WHEN fits THEN aux_data END,
  failed_at, failure_reason, failure_step, failure_code, failure_attempts, paused_at, pause_reason,
  timer_serial, timer_at, timer_after, timer_limit, timer_direction, timer_processing_timeout,
  timer_context, timer_attempt, timer_next_at, timer_code, timer_message,
  notification_count, due_at
FROM fitting;
