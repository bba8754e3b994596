-- Purpose: the messages that steps send.
-- Parameters: one array per column, in the order of the columns.
-- Errors: 23505 the number is taken.
INSERT INTO message (
  shard, machine_key, number, namespace, sender, target_namespace, target, kind, args, name,
  reports_failure, context, created_at, deliver_at, attempts, due_at, last_code, last_reason)
SELECT * FROM unnest(
  $1::int[], $2::bigint[], $3::bigint[], $4::int[], $5::text[], $6::text[], $7::text[], $8::int[],
  $9::bytea[], $10::text[], $11::bool[], $12::text[], $13::timestamptz[], $14::timestamptz[],
  $15::int[], $16::timestamptz[], $17::int[], $18::text[]);
