-- Purpose: of machines that fail or work again, or wait for something else, what is only known
-- then. In the batch whose commit_update_machines has given them these versions. Rare: what steps
-- write every time stays out of it.
-- Parameters: one array per column of `noted`; failed_at NULL = it works again.
-- Errors: PGF02 a machine is gone or has another version. Plan: index scan of machine_pkey.
WITH noted AS (
  SELECT * FROM unnest(
    $1::int[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::text[],
    $7::text[], $8::text[]
  ) AS noted (
    shard, machine_key, version, repaired_at, failed_at, failure_token, failure_principal,
    waiting_for)
), changed AS (
  UPDATE machine SET
    repaired_at = noted.repaired_at,
    failure_noted_at = noted.failed_at,
    failure_token = noted.failure_token,
    failure_principal = noted.failure_principal,
    waiting_for = noted.waiting_for
  FROM noted
  WHERE machine.shard = noted.shard AND machine.machine_key = noted.machine_key
    AND machine.version = noted.version
  RETURNING 1
)
SELECT expect(
  (SELECT count(*) FROM changed), cardinality($1), 'machines with new notes at their version');
