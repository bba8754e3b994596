-- Purpose: ranges of histories, for many loads at once.
-- Parameters: $1 int[] number of the load, $2 int[] shard, $3 int[] namespace, $4 text[] id, $5
-- int8[] after (an event id, 0 = none), $6 int[] limit (NULL = none), $7 bool[] backward, $8 int8
-- bytes that one history may have, $9 int8 bytes that one round may bring.
-- Result: per machine that exists at least one row: the load, whether its history fits into the
-- round (the first always does), whether it is too large for any, then an event or NULLs. In what
-- order the events come is not said.
-- The size is known before a body is read: the length of a long value stands in its row. 16 bytes
-- are added per event, the least that it takes in a message beside its body.
-- Plan: per load machine_namespace_id_shard_key, then two index scans of event_pkey.
WITH chosen AS (
  SELECT wanted.load, machine.shard, machine.machine_key, ends.first, ends.last
  FROM unnest(
    $1::int[], $2::int[], $3::int[], $4::text[], $5::bigint[], $6::int[], $7::bool[]
  ) AS wanted (load, shard, namespace, id, after, bound, backward)
  JOIN machine ON machine.shard = wanted.shard AND machine.namespace = wanted.namespace
    AND machine.id = wanted.id
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN NOT wanted.backward OR wanted.after = 0 THEN machine.last_event_id
      ELSE least(wanted.after - 1, machine.last_event_id) END AS top
  ) AS reach
  CROSS JOIN LATERAL (
    SELECT
      CASE WHEN wanted.backward THEN greatest(1, reach.top - coalesce(wanted.bound, reach.top) + 1)
        ELSE wanted.after + 1 END AS first,
      CASE WHEN wanted.backward THEN reach.top
        ELSE least(reach.top, wanted.after
          + coalesce(wanted.bound, greatest(0, reach.top - wanted.after))) END AS last
  ) AS ends
), sized AS (
  SELECT chosen.*, size.bytes
  FROM chosen
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(octet_length(event.data) + 16), 0)::bigint AS bytes
    FROM event
    WHERE event.shard = chosen.shard AND event.machine_key = chosen.machine_key
      AND event.id BETWEEN chosen.first AND chosen.last
  ) AS size
), summed AS (
  SELECT *,
    CASE WHEN bytes > $8 THEN 0 ELSE bytes END AS bringing,
    sum(CASE WHEN bytes > $8 THEN 0 ELSE bytes END) OVER (ORDER BY load) AS running
  FROM sized
), fitting AS (
  SELECT *, bytes > $8 AS is_too_large, running <= $9 OR running = bringing AS fits FROM summed
)
SELECT fitting.load, fitting.fits, fitting.is_too_large,
  event.id, event.created_at, event.format, event.data
FROM fitting
LEFT JOIN event ON fitting.fits AND NOT fitting.is_too_large
  AND event.shard = fitting.shard AND event.machine_key = fitting.machine_key
  AND event.id BETWEEN fitting.first AND fitting.last;
