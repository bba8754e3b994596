-- Purpose: machines that are removed, with their events and notifications.
-- Parameters: $1 int[] shard, $2 int8[] machine key, $3 int8[] expected version.
-- Errors: PGF02 a machine is gone or has another version. Plan: index scans of the primary keys.
WITH removed AS (
  SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[])
    AS removed (shard, machine_key, version)
), gone AS (
  DELETE FROM machine USING removed
  WHERE machine.shard = removed.shard AND machine.machine_key = removed.machine_key
    AND machine.version = removed.version
  RETURNING 1
), history AS (
  DELETE FROM event USING removed
  WHERE event.shard = removed.shard AND event.machine_key = removed.machine_key
), queue AS (
  DELETE FROM notification USING removed
  WHERE notification.shard = removed.shard AND notification.machine_key = removed.machine_key
)
SELECT expect((SELECT count(*) FROM gone), cardinality($1), 'machines to be removed');
