-- Purpose: what the idempotency keys of the batch remember. An expired row is replaced; one that
-- still counts is never overwritten (I8). The second of tolerance covers what nodes' clocks differ
-- from the database's when they judge that a key is expired.
-- Parameters: one array per column of `remembered`.
-- Errors: PGF02 a key still counts, or stands twice in the batch. Plan: idempotency_pkey.
WITH remembered AS (
  SELECT * FROM unnest(
    $1::int[], $2::int[], $3::text[], $4::text[], $5::bytea[], $6::int[], $7::bytea[],
    $8::timestamptz[]
  ) AS remembered (
    shard, namespace, machine_id, key, fingerprint, reply_kind, reply_data, expires_at)
), stored AS (
  INSERT INTO idempotency (
    shard, namespace, machine_id, key, fingerprint, reply_kind, reply_data, expires_at)
  SELECT DISTINCT ON (shard, namespace, machine_id, key) * FROM remembered
  ON CONFLICT (shard, namespace, machine_id, key) DO UPDATE SET
    fingerprint = excluded.fingerprint, reply_kind = excluded.reply_kind,
    reply_data = excluded.reply_data, expires_at = excluded.expires_at
  WHERE idempotency.expires_at <= clock_timestamp() + interval '1 second'
  RETURNING 1
)
SELECT expect((SELECT count(*) FROM stored), cardinality($1), 'new idempotency keys');
