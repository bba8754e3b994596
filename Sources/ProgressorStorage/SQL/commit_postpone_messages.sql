-- Purpose: messages that are tried again, or never.
-- Parameters: one array per column of `attempt`.
-- Errors: PGF02 one is gone. Plan: index scan of message_pkey.
WITH attempt AS (
  SELECT * FROM unnest(
    $1::int[], $2::bigint[], $3::bigint[], $4::int[], $5::timestamptz[], $6::timestamptz[],
    $7::int[], $8::text[]
  ) AS attempt (shard, machine_key, number, attempts, deliver_at, due_at, last_code, last_reason)
), changed AS (
  UPDATE message SET
    attempts = attempt.attempts, deliver_at = attempt.deliver_at, due_at = attempt.due_at,
    last_code = attempt.last_code, last_reason = attempt.last_reason
  FROM attempt
  WHERE message.shard = attempt.shard AND message.machine_key = attempt.machine_key
    AND message.number = attempt.number
  RETURNING 1
)
SELECT expect((SELECT count(*) FROM changed), cardinality($1), 'messages to be tried again');
