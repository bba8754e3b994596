-- Purpose: what idempotency keys remember, for many loads at once.
-- Parameters: $1 int[] number of the load, $2 int[] shard, $3 int[] namespace, $4 text[] machine id,
-- $5 text[] key, $6 int8 bytes of replies that one round may bring.
-- Result: per key that still counts: the load, whether it fits into the round (the first always
-- does), the columns of the row.
-- Plan: per load an index scan of idempotency_pkey.
WITH found AS (
  SELECT wanted.load, idempotency.*,
    sum(octet_length(idempotency.reply_data)) OVER (ORDER BY wanted.load) AS running
  FROM unnest($1::int[], $2::int[], $3::int[], $4::text[], $5::text[])
    AS wanted (load, shard, namespace, machine_id, key)
  JOIN idempotency ON idempotency.shard = wanted.shard
    AND idempotency.namespace = wanted.namespace AND idempotency.machine_id = wanted.machine_id
    AND idempotency.key = wanted.key
  WHERE idempotency.expires_at > now()
), fitting AS (
  SELECT *, running <= $6 OR running = octet_length(reply_data) AS fits FROM found
)
SELECT load, fits, key, fingerprint, reply_kind, CASE WHEN fits THEN reply_data END, expires_at
FROM fitting;
