-- Purpose: what is recorded of the steps of the batch. A record that is there already, which only
-- damage can be the cause of, is no machine's trouble: it stays.
-- Parameters: one array per column, in the order of the columns.
INSERT INTO trace (
  shard, machine_key, sequence, step, kind, began_at, ended_at, outcome, attempt, code, message,
  first_event_id, last_event_id, principal, trace_id, expires_at)
SELECT * FROM unnest(
  $1::int[], $2::bigint[], $3::bigint[], $4::text[], $5::int[], $6::timestamptz[],
  $7::timestamptz[], $8::int[], $9::int[], $10::int[], $11::text[], $12::bigint[],
  $13::bigint[], $14::text[], $15::text[], $16::timestamptz[])
ON CONFLICT (shard, machine_key, sequence) DO NOTHING;
