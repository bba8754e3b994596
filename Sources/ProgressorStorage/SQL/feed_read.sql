-- Purpose: a page of the feed of several shards.
-- Variants: any namespace, or some.
-- Parameters: $1 int[] shards, $2 int8[] behind which numbers, in the same order; $3 text[]
-- namespaces, of which `some` are read; $4 int[] the kinds whose events come with their data,
-- empty = all; $5 int8 entries of one shard at most; $6 int8 after so many bytes no further entry;
-- $7 int8 of a larger entry comes nothing but its size.
-- Result: per shard at least one row, unless the bytes were over before it: the shard, its newest
-- number, the newest one that is gone of what was asked for (0 = nothing is), the entries of the
-- shard in this page (were there bytes enough), the place of this one among them, its bytes,
-- whether it is too large; and the entry, NULL = there is none.
-- Plan: per shard feed_pkey, or per namespace feed_by_namespace, and feed_trimmed_pkey.
WITH page AS (
  SELECT wanted.place, wanted.shard, head.sequence AS newest, trimmed.sequence AS gone,
    count(entry.sequence) OVER (PARTITION BY wanted.place) AS entries,
    row_number() OVER (PARTITION BY wanted.place ORDER BY entry.sequence) AS ordinal,
    sum(entry.bytes) OVER (ORDER BY wanted.place, entry.sequence) - entry.bytes AS bytes_before,
    entry.*
  FROM unnest($1::int[], $2::int8[]) WITH ORDINALITY AS wanted (shard, after, place)
  CROSS JOIN LATERAL (
    SELECT greatest(
      (SELECT feed.sequence FROM feed WHERE feed.shard = wanted.shard
       ORDER BY feed.shard DESC, feed.sequence DESC LIMIT 1),
      (SELECT max(feed_trimmed.sequence) FROM feed_trimmed
       WHERE feed_trimmed.shard = wanted.shard), 0) AS sequence
  ) AS head
  CROSS JOIN LATERAL (
    SELECT coalesce(max(feed_trimmed.sequence), 0) AS sequence FROM feed_trimmed
    WHERE feed_trimmed.shard = wanted.shard
      AND feed_trimmed.namespace = ANY ($3::text[]) --: some
  ) AS trimmed
  LEFT JOIN LATERAL (
    SELECT feed.sequence, feed.namespace, feed.machine_id, feed.kind, feed.created_at,
      feed.event_id, coalesce(feed.event_at, feed.created_at) AS event_at, feed.format,
      feed.data, feed.failed_at,
      feed.failure_reason, feed.failure_step, feed.failure_code, feed.failure_attempts,
      feed.failure_token, feed.failure_principal,
      feed.kind = ANY ($4::int[]) OR $4::int[] = '{}' AS is_wanted,
      128::int8 + coalesce(octet_length(feed.failure_reason), 0)
        + CASE WHEN feed.kind = ANY ($4::int[]) OR $4::int[] = '{}'
          THEN coalesce(octet_length(feed.data), 0) ELSE 0 END AS bytes
    FROM feed --: any
    WHERE feed.shard = wanted.shard AND feed.sequence > wanted.after --: any
    FROM (SELECT DISTINCT unnest($3::text[]) AS namespace) AS chosen --: some
    CROSS JOIN LATERAL ( --: some
      SELECT * FROM feed --: some
      WHERE feed.shard = wanted.shard AND feed.namespace = chosen.namespace --: some
        AND feed.sequence > wanted.after --: some
      ORDER BY feed.shard, feed.namespace, feed.sequence --: some
      LIMIT $5) AS feed --: some
    ORDER BY feed.shard, feed.sequence
    LIMIT $5
  ) AS entry ON true
)
SELECT page.shard, page.newest, page.gone, page.entries, page.ordinal, page.bytes,
  page.bytes > $7, page.sequence, page.namespace, page.machine_id, page.kind, page.created_at,
  page.event_id, page.event_at, page.format,
  CASE WHEN page.is_wanted AND page.bytes <= $7 THEN page.data ELSE '' END,
  page.failed_at, page.failure_reason, page.failure_step, page.failure_code,
  page.failure_attempts, page.failure_token, page.failure_principal
FROM page
WHERE page.sequence IS NULL OR page.bytes_before < $6
ORDER BY page.place, page.sequence;
