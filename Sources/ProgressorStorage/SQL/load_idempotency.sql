-- Purpose: what idempotency keys remember, for many loads at once.
-- Parameters: $1 int[] number of the load, $2 int[] shard, $3 int[] namespace, $4 text[] machine
-- id, $5 text[] key, $6 int8 bytes that a reply may have, $7 int8 bytes of replies that one round
-- may bring. Result: per key that still counts: the load, its place (0 it is here; 1 in a later
-- round; 2 longer than $6), the columns of the row.
-- Plan: per load an index scan of idempotency_pkey.
WITH found AS (
  SELECT wanted.load, idempotency.*, octet_length(idempotency.reply_data) > $6 AS is_apart,
    CASE WHEN octet_length(idempotency.reply_data) > $6 THEN 0
      ELSE octet_length(idempotency.reply_data) END AS bringing
  FROM unnest($1::int[], $2::int[], $3::int[], $4::text[], $5::text[])
    AS wanted (load, shard, namespace, machine_id, key)
  JOIN idempotency ON idempotency.shard = wanted.shard
    AND idempotency.namespace = wanted.namespace AND idempotency.machine_id = wanted.machine_id
    AND idempotency.key = wanted.key
  WHERE idempotency.expires_at > now()
), summed AS (
  SELECT *, sum(bringing) OVER (ORDER BY load) AS running FROM found
), fitting AS (
  SELECT *,
    CASE WHEN is_apart THEN 2 WHEN running <= $7 OR running = bringing THEN 0 ELSE 1 END AS place
  FROM summed
)
SELECT load, place, key, fingerprint, reply_kind,
  CASE WHEN place = 0 THEN reply_data END, expires_at
FROM fitting;
