-- Purpose: machines whose rows cannot be read fail. Nothing else of their rows is touched, so that
-- they go on once the rows are mended.
-- Parameters: one array per column of `condemned`; `version` as it shall be.
-- Errors: PGF02 a machine is gone or has another version. Plan: index scan of machine_pkey.
WITH condemned AS (
  SELECT *
  FROM unnest(
    $1::int[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::text[], $6::int[], $7::int[],
    $8::int[], $9::text[], $10::text[]
  ) AS condemned (
    shard, machine_key, version, failed_at, failure_reason, failure_step, failure_code,
    failure_attempts, failure_token, failure_principal)
), changed AS (
  UPDATE machine SET
    version = condemned.version,
    failed_at = condemned.failed_at,
    failure_reason = condemned.failure_reason,
    failure_step = condemned.failure_step,
    failure_code = condemned.failure_code,
    failure_attempts = condemned.failure_attempts,
    failure_noted_at = condemned.failed_at,
    failure_token = condemned.failure_token,
    failure_principal = condemned.failure_principal,
    due_at = NULL
  FROM condemned
  WHERE machine.shard = condemned.shard AND machine.machine_key = condemned.machine_key
    AND machine.version = condemned.version - 1
  RETURNING 1
)
SELECT expect(
  (SELECT count(*) FROM changed), cardinality($1), 'condemned machines at the expected version');
