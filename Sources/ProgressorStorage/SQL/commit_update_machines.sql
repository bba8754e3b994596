-- Purpose: the rows of machines after their steps. The counts of notifications and of messages
-- change by a difference, so that they lose none that came or went meanwhile; the aux state stays
-- unless it changed; `retrying` NULL leaves the mark of the queue's head as it is.
-- Parameters: one array per column of `step`.
-- Errors: PGF02 a machine is gone or has another version. Plan: index scan of machine_pkey.
WITH step AS (
  SELECT * FROM unnest(
    $1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::timestamptz[],
    $6::bool[], $7::int[], $8::bytea[],
    $9::timestamptz[], $10::text[], $11::int[], $12::int[], $13::int[],
    $14::bigint[], $15::timestamptz[], $16::bigint[], $17::int[], $18::int[], $19::bigint[],
    $20::text[], $21::int[], $22::timestamptz[], $23::int[], $24::text[],
    $25::int[], $26::bool[], $27::int[], $28::int[],
    $29::timestamptz[]
  ) AS step (
    shard, machine_key, version, last_event_id, last_event_at,
    aux_changed, aux_format, aux_data,
    failed_at, failure_reason, failure_step, failure_code, failure_attempts,
    timer_serial, timer_at, timer_after, timer_limit, timer_direction, timer_processing_timeout,
    timer_context, timer_attempt, timer_next_at, timer_code, timer_message,
    notification_difference, notification_retrying, message_difference,
    undelivered_difference, due_at)
), changed AS (
  UPDATE machine SET
    version = step.version,
    last_event_id = step.last_event_id,
    last_event_at = step.last_event_at,
    aux_format = CASE WHEN step.aux_changed THEN step.aux_format ELSE machine.aux_format END,
    aux_data = CASE WHEN step.aux_changed THEN step.aux_data ELSE machine.aux_data END,
    failed_at = step.failed_at,
    failure_reason = step.failure_reason,
    failure_step = step.failure_step,
    failure_code = step.failure_code,
    failure_attempts = step.failure_attempts,
    timer_serial = step.timer_serial,
    timer_at = step.timer_at,
    timer_after = step.timer_after,
    timer_limit = step.timer_limit,
    timer_direction = step.timer_direction,
    timer_processing_timeout = step.timer_processing_timeout,
    timer_context = step.timer_context,
    timer_attempt = step.timer_attempt,
    timer_next_at = step.timer_next_at,
    timer_code = step.timer_code,
    timer_message = step.timer_message,
    notification_count = machine.notification_count + step.notification_difference,
    notification_retrying = coalesce(step.notification_retrying, machine.notification_retrying),
    pending_messages = machine.pending_messages + step.message_difference,
    undelivered_messages = machine.undelivered_messages + step.undelivered_difference,
    due_at = step.due_at
  FROM step
  WHERE machine.shard = step.shard AND machine.machine_key = step.machine_key
    AND machine.version = step.version - 1
  RETURNING 1
)
SELECT expect((SELECT count(*) FROM changed), cardinality($1), 'machines at the expected version');
