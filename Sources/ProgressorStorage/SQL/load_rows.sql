-- Purpose: the rows of machines, for many loads at once.
-- Parameters: $1 int[] number of the load, $2 int[] shard, $3 int[] namespace, $4 text[] id, $5
-- int8 bytes that an aux state may have, $6 int8 bytes of aux states that one round may bring.
-- Result: per machine that exists: the load, its place (0 it is here; 1 in a later round; 2 longer
-- than $5), the columns of the row.
-- Plan: per load an index scan of machine_namespace_id_shard_key.
WITH found AS (
  SELECT wanted.load, machine.*, coalesce(octet_length(machine.aux_data) > $5, false) AS is_apart,
    CASE WHEN octet_length(machine.aux_data) > $5 THEN 0
      ELSE coalesce(octet_length(machine.aux_data), 0) END AS bringing
  FROM unnest($1::int[], $2::int[], $3::int[], $4::text[]) AS wanted (load, shard, namespace, id)
  JOIN machine ON machine.shard = wanted.shard AND machine.namespace = wanted.namespace
    AND machine.id = wanted.id
), summed AS (
  SELECT *, sum(bringing) OVER (ORDER BY load) AS running FROM found
), fitting AS (
  SELECT *,
    CASE WHEN is_apart THEN 2 WHEN running <= $6 OR running = bringing THEN 0 ELSE 1 END AS place
  FROM summed
)
SELECT load, place,
  machine_key, version, created_at, last_event_id, last_event_at,
  aux_format, CASE WHEN place = 0 THEN aux_data END,
  failed_at, failure_reason, failure_step, failure_code, failure_attempts,
  CASE WHEN failure_noted_at = failed_at THEN failure_token END,
  CASE WHEN failure_noted_at = failed_at THEN failure_principal END, repaired_at,
  waiting_for,
  paused_at, pause_reason, CASE WHEN pause_noted_at = paused_at THEN pause_principal END,
  timer_serial, timer_at, timer_after, timer_limit, timer_direction, timer_processing_timeout,
  timer_context, timer_attempt, timer_next_at, timer_code, timer_message,
  notification_count, due_at, pending_messages, undelivered_messages
FROM fitting;
