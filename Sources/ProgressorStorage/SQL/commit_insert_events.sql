-- Purpose: the events of the batch.
-- Parameters: one array per column, in the order of the columns.
-- Errors: 23505 an event of this id exists (I3).
INSERT INTO event (shard, machine_key, id, created_at, format, data)
SELECT * FROM unnest(
  $1::int[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::int[], $6::bytea[]);
