-- Purpose: the rows of machines that start.
-- Parameters: one array per column, in the order of the columns.
-- Errors: 23505 the machine exists.
INSERT INTO machine (
  shard, machine_key, namespace, id, version, created_at, last_event_id, last_event_at,
  aux_format, aux_data,
  failed_at, failure_reason, failure_step, failure_code, failure_attempts,
  timer_serial, timer_at, timer_after, timer_limit, timer_direction, timer_processing_timeout,
  timer_context, timer_attempt, timer_next_at, timer_code, timer_message,
  notification_count, notification_retrying, pending_messages, due_at)
SELECT * FROM unnest(
  $1::int[], $2::bigint[], $3::int[], $4::text[], $5::bigint[], $6::timestamptz[], $7::bigint[],
  $8::timestamptz[], $9::int[], $10::bytea[],
  $11::timestamptz[], $12::text[], $13::int[], $14::int[], $15::int[],
  $16::bigint[], $17::timestamptz[], $18::bigint[], $19::int[], $20::int[], $21::bigint[],
  $22::text[], $23::int[], $24::timestamptz[], $25::int[], $26::text[],
  $27::int[], $28::bool[], $29::int[], $30::timestamptz[]);
