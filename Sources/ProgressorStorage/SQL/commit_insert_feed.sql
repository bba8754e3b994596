-- Purpose: what the batch tells those who follow along. Each entry gets the next number of its
-- shard (I9): only the shard's one writer gives them, and under the fence.
-- Parameters: one array per column, in the order of the columns; entries of a shard get their
-- numbers in the order of the arrays.
-- Plan: per shard the last entry of feed_pkey and the rows of feed_trimmed_pkey, per namespace in
-- it the last entry of feed_by_namespace. What is trimmed was numbered, too.
WITH entry AS MATERIALIZED (
  SELECT given.*, row_number() OVER (PARTITION BY given.shard ORDER BY given.place) AS ordinal,
    sum(128 + coalesce(octet_length(given.data), 0)
      + coalesce(octet_length(given.failure_reason), 0)) OVER (
      PARTITION BY given.shard, given.namespace ORDER BY given.place) AS volume
  FROM unnest(
    $1::int[], $2::text[], $3::text[], $4::int[], $5::timestamptz[], $6::bigint[],
    $7::timestamptz[], $8::int[], $9::bytea[], $10::timestamptz[], $11::text[], $12::int[],
    $13::int[], $14::int[], $15::text[], $16::text[])
    WITH ORDINALITY AS given (
      shard, namespace, machine_id, kind, created_at, event_id, event_at, format, data, failed_at,
      failure_reason, failure_step, failure_code, failure_attempts, failure_token,
      failure_principal, place)
), head AS (
  SELECT touched.shard, greatest(
    (SELECT feed.sequence FROM feed WHERE feed.shard = touched.shard
     ORDER BY feed.shard DESC, feed.sequence DESC LIMIT 1),
    (SELECT max(feed_trimmed.sequence) FROM feed_trimmed
     WHERE feed_trimmed.shard = touched.shard), 0) AS sequence
  FROM (SELECT DISTINCT shard FROM entry) AS touched
), part AS (
  SELECT touched.shard, touched.namespace, coalesce(
    (SELECT feed.volume FROM feed
     WHERE feed.shard = touched.shard AND feed.namespace = touched.namespace
     ORDER BY feed.shard DESC, feed.namespace DESC, feed.sequence DESC LIMIT 1), 0) AS volume
  FROM (SELECT DISTINCT shard, namespace FROM entry) AS touched
)
INSERT INTO feed (
  shard, sequence, namespace, machine_id, kind, created_at, volume, event_id, event_at, format,
  data, failed_at, failure_reason, failure_step, failure_code, failure_attempts, failure_token,
  failure_principal)
SELECT entry.shard, head.sequence + entry.ordinal, entry.namespace, entry.machine_id, entry.kind,
  entry.created_at, part.volume + entry.volume, entry.event_id, entry.event_at, entry.format,
  entry.data, entry.failed_at, entry.failure_reason, entry.failure_step, entry.failure_code,
  entry.failure_attempts, entry.failure_token, entry.failure_principal
FROM entry
JOIN head ON head.shard = entry.shard
JOIN part ON part.shard = entry.shard AND part.namespace = entry.namespace;
