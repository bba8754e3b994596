-- Purpose: the pauses of machines, begun or ended. Rare: what steps write every time stays out of
-- it. Parameters: $1 int[] shard, $2 int8[] machine key, $3 int8[] version as it shall be, $4
-- timestamptz[] paused at, $5 text[] why, $6 text[] who, $7 timestamptz[] due.
-- Errors: PGF02 a machine is gone or has another version. Plan: index scan of machine_pkey.
WITH pause AS (
  SELECT * FROM unnest(
    $1::int[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[],
    $7::timestamptz[]
  ) AS pause (shard, machine_key, version, paused_at, reason, principal, due_at)
), changed AS (
  UPDATE machine SET
    version = pause.version,
    paused_at = pause.paused_at,
    pause_reason = pause.reason,
    pause_noted_at = pause.paused_at,
    pause_principal = pause.principal,
    due_at = pause.due_at
  FROM pause
  WHERE machine.shard = pause.shard AND machine.machine_key = pause.machine_key
    AND machine.version = pause.version - 1
  RETURNING 1
)
SELECT expect((SELECT count(*) FROM changed), cardinality($1), 'machines at the expected version');
