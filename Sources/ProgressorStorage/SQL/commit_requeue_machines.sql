-- Purpose: machines for which notifications were accepted. Several for one machine add up. The
-- version stays, so that this conflicts with no step that runs meanwhile; a failed or
-- paused machine has no due time, also when it became so only after the notification was accepted.
-- Parameters: $1 int[] shard, $2 int8[] machine key, $3 int[] how many, $4 timestamptz[] due.
-- Errors: PGF02 a machine is gone. Plan: index scan of machine_pkey.
WITH accepted AS (
  SELECT shard, machine_key, sum(number)::int AS number, min(due_at) AS due_at
  FROM unnest($1::int[], $2::bigint[], $3::int[], $4::timestamptz[])
    AS accepted (shard, machine_key, number, due_at)
  GROUP BY shard, machine_key
), changed AS (
  UPDATE machine SET
    notification_count = machine.notification_count + accepted.number,
    due_at = CASE WHEN machine.failed_at IS NULL AND machine.paused_at IS NULL
      THEN least(machine.due_at, accepted.due_at) END
  FROM accepted
  WHERE machine.shard = accepted.shard AND machine.machine_key = accepted.machine_key
  RETURNING 1
)
SELECT expect(
  (SELECT count(*) FROM changed), (SELECT count(*) FROM accepted), 'machines to be notified');
