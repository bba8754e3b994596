-- Purpose: forget what is in the feed for longer than its namespace keeps it, or beyond the bytes
-- that it keeps, of one writer's shards, a bounded number at a time: of a namespace and shard
-- always the oldest.
-- Runs: under the fence, like everything that writes: nobody numbers entries meanwhile.
-- Parameters: as of commit_sweep_idempotency, but $5 per shard and namespace. Locks: the entries
-- that go; one that is locked is left for later. Result: as of commit_sweep_trace.
-- Plan: shard_by_owner, then per shard and namespace the ends of feed_by_namespace, and from its
-- oldest entry on one after the other that is due. Of a namespace with a bound of bytes the ends in
-- all shards.
WITH RECURSIVE part AS (
  SELECT shard.shard,
    (SELECT min(feed.namespace) FROM feed WHERE feed.shard = shard.shard) AS namespace
  FROM shard
  WHERE shard.owner = $1 AND shard.shard % $3 = $2
  UNION ALL
  SELECT part.shard,
    (SELECT min(feed.namespace) FROM feed
     WHERE feed.shard = part.shard AND feed.namespace > part.namespace)
  FROM part
  WHERE part.namespace IS NOT NULL
), crowded AS (
  -- Too large by so much: of each shard's part this share stays.
  SELECT namespace.name, namespace.feed_max_bytes / size.bytes AS share
  FROM namespace
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(newest.volume - oldest.volume), 0)::float8 AS bytes
    FROM shard
    CROSS JOIN LATERAL (
      SELECT feed.volume FROM feed
      WHERE feed.shard = shard.shard AND feed.namespace = namespace.name
      ORDER BY feed.shard, feed.namespace, feed.sequence LIMIT 1) AS oldest
    CROSS JOIN LATERAL (
      SELECT feed.volume FROM feed
      WHERE feed.shard = shard.shard AND feed.namespace = namespace.name
      ORDER BY feed.shard DESC, feed.namespace DESC, feed.sequence DESC LIMIT 1) AS newest
  ) AS size
  WHERE namespace.feed_max_bytes > 0 AND size.bytes > namespace.feed_max_bytes
), due AS MATERIALIZED (
  SELECT part.shard, part.namespace, kept.since,
    newest.volume - (newest.volume - oldest.volume) * crowded.share AS enough
  FROM part
  LEFT JOIN namespace ON namespace.name = part.namespace
  LEFT JOIN crowded ON crowded.name = part.namespace
  CROSS JOIN LATERAL (
    -- Seven days; a hundred years are as good as more, which is beyond the calendar.
    SELECT now() - least(coalesce(namespace.feed_retention, 604800000000), 3155760000000000)
      * interval '1 microsecond' AS since
  ) AS kept
  CROSS JOIN LATERAL (
    SELECT feed.created_at, feed.volume FROM feed
    WHERE feed.shard = part.shard AND feed.namespace = part.namespace
    ORDER BY feed.shard, feed.namespace, feed.sequence LIMIT 1) AS oldest
  LEFT JOIN LATERAL (
    SELECT feed.volume FROM feed
    WHERE crowded.share IS NOT NULL
      AND feed.shard = part.shard AND feed.namespace = part.namespace
    ORDER BY feed.shard DESC, feed.namespace DESC, feed.sequence DESC LIMIT 1) AS newest ON true
  WHERE part.namespace IS NOT NULL
    AND (oldest.created_at < kept.since OR crowded.share IS NOT NULL)
), old AS (
  SELECT due.*, first.sequence, 1::bigint AS ordinal
  FROM due
  CROSS JOIN LATERAL (
    SELECT feed.sequence, feed.created_at, feed.volume FROM feed
    WHERE feed.shard = due.shard AND feed.namespace = due.namespace
    ORDER BY feed.shard, feed.namespace, feed.sequence LIMIT 1) AS first
  WHERE first.created_at < due.since OR first.volume < due.enough
  UNION ALL
  SELECT old.shard, old.namespace, old.since, old.enough, next.sequence, old.ordinal + 1
  FROM old
  CROSS JOIN LATERAL (
    SELECT feed.sequence, feed.created_at, feed.volume FROM feed
    WHERE feed.shard = old.shard AND feed.namespace = old.namespace
      AND feed.sequence > old.sequence
    ORDER BY feed.shard, feed.namespace, feed.sequence LIMIT 1) AS next
  WHERE old.ordinal < $5 AND (next.created_at < old.since OR next.volume < old.enough)
), taken AS (
  SELECT feed.shard, feed.namespace, feed.sequence
  FROM (SELECT old.shard, old.namespace, old.sequence FROM old LIMIT $4) AS chosen
  JOIN feed ON feed.shard = chosen.shard AND feed.namespace = chosen.namespace
    AND feed.sequence = chosen.sequence
  FOR UPDATE OF feed SKIP LOCKED
), gone AS (
  DELETE FROM feed USING taken
  WHERE feed.shard = taken.shard AND feed.namespace = taken.namespace
    AND feed.sequence = taken.sequence
  RETURNING feed.shard, feed.namespace, feed.sequence
), noted AS (
  INSERT INTO feed_trimmed AS known (shard, namespace, sequence)
  SELECT gone.shard, gone.namespace, max(gone.sequence) FROM gone
  GROUP BY gone.shard, gone.namespace
  ON CONFLICT (shard, namespace) DO UPDATE SET
    sequence = greatest(known.sequence, excluded.sequence)
)
SELECT (SELECT count(*) FROM gone) >= least($4, $5), NULL::text, NULL::text,
  (SELECT count(*) FROM gone);
