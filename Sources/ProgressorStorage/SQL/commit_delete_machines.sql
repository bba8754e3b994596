-- Purpose: machines that are removed. Their events and notifications are left to
-- commit_sweep_removed.
-- Parameters: $1 int[] shard, $2 int8[] machine key, $3 int8[] expected version.
-- Errors: PGF02 a machine is gone or has another version. Plan: index scan of machine_pkey.
WITH removed AS (
  SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[])
    AS removed (shard, machine_key, version)
), gone AS (
  DELETE FROM machine USING removed
  WHERE machine.shard = removed.shard AND machine.machine_key = removed.machine_key
    AND machine.version = removed.version
  RETURNING machine.shard, machine.machine_key
), buried AS (
  INSERT INTO tombstone (shard, machine_key) SELECT shard, machine_key FROM gone
)
SELECT expect((SELECT count(*) FROM gone), cardinality($1), 'machines to be removed');
