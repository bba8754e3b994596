-- Purpose: short ranges of histories, for many loads at once; of long ones, where they lie.
-- Parameters: $1 int[] number of the load, $2 int[] shard, $3 int[] namespace, $4 text[] id, $5
-- int8[] after (an event id, 0 = none), $6 int[] limit (NULL = none), $7 bool[] backward, $8 int8
-- events that a range may have, $9 int8 bytes that it may have, $10 int8 bytes that one round may
-- bring. Result: per machine that exists at least one row: the load, its place (0 it is here; 1 in
-- a later round; 2 it is longer than $8 or $9), machine key, first and last event of the range,
-- then an event or NULLs. In what order the events come is not said.
-- The size is known before a body is read: the length of a long value stands in its row. Of a range
-- of more than $8 events not even that is read: ids have no gaps.
-- Plan: per load machine_namespace_id_shard_key, then two index scans of event_pkey.
WITH chosen AS (
  SELECT wanted.load, machine.shard, machine.machine_key, ends.first, ends.last,
    ends.last - ends.first >= $8 AS is_long
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
  SELECT chosen.*, is_long OR size.bytes > $9 AS is_apart,
    CASE WHEN is_long OR size.bytes > $9 THEN 0 ELSE size.bytes END AS bringing
  FROM chosen
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(octet_length(event.data)), 0)::bigint AS bytes
    FROM event
    WHERE NOT chosen.is_long
      AND event.shard = chosen.shard AND event.machine_key = chosen.machine_key
      AND event.id BETWEEN chosen.first AND chosen.last
  ) AS size
), summed AS (
  SELECT *, sum(bringing) OVER (ORDER BY load) AS running FROM sized
), fitting AS (
  SELECT *,
    CASE WHEN is_apart THEN 2 WHEN running <= $10 OR running = bringing THEN 0 ELSE 1 END AS place
  FROM summed
)
SELECT fitting.load, fitting.place, fitting.machine_key, fitting.first, fitting.last,
  event.id, event.created_at, event.format, event.data
FROM fitting
LEFT JOIN event ON fitting.place = 0
  AND event.shard = fitting.shard AND event.machine_key = fitting.machine_key
  AND event.id BETWEEN fitting.first AND fitting.last;
