-- Purpose: the accepted notifications of the batch. Their machines must exist.
-- Parameters: one array per column of `accepted`.
-- Errors: PGF02 a machine is gone, 23505 the sequence is taken. Plan: index scan of machine_pkey.
WITH accepted AS (
  SELECT * FROM unnest(
    $1::int[], $2::bigint[], $3::bigint[], $4::text[], $5::bytea[], $6::bigint[], $7::int[],
    $8::int[], $9::text[], $10::timestamptz[], $11::int[], $12::timestamptz[], $13::int[],
    $14::text[], $15::text[], $16::text[], $17::text[], $18::int[], $19::text[]
  ) AS accepted (
    shard, machine_key, sequence, notification_id, args, history_after, history_limit,
    history_direction, context, accepted_at, attempt, next_at, code, message,
    sender_namespace, sender, undelivered_name, undelivered_code, undelivered_reason)
), added AS (
  INSERT INTO notification (
    shard, machine_key, sequence, notification_id, args, history_after, history_limit,
    history_direction, context, accepted_at, attempt, next_at, code, message,
    sender_namespace, sender, undelivered_name, undelivered_code, undelivered_reason)
  SELECT accepted.*
  FROM accepted
  JOIN machine ON machine.shard = accepted.shard AND machine.machine_key = accepted.machine_key
  RETURNING 1
)
SELECT expect((SELECT count(*) FROM added), cardinality($1), 'notifications of machines');
