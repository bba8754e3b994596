-- Sweeps that neither wait for a locked machine nor stop at a slow one; and who knows what of the
-- schema.

-- An earlier form of migration 006 gave the index by namespace the name of the one before.
DO $$
BEGIN
  IF to_regclass('progressor.machine_due_by_namespace') IS NULL THEN
    ALTER INDEX machine_due RENAME TO machine_due_by_namespace;
  END IF;
END $$;

-- Deletes at most so many rows of removed machines of one writer's shards, and no more after so
-- many bytes of them. Runs under the fence, like everything that writes. A machine whose rows the
-- server cannot read is left for an hour, one whose rows are locked or take too long for some
-- seconds, and the latter is tried with half as many rows then: none is in the way of others.
CREATE FUNCTION sweep_removed_machines(
  me uuid, its_slot int, slots int, most_rows int, most_bytes bigint,
  OUT is_more boolean, OUT damage text, OUT obstacle text
) LANGUAGE plpgsql
-- A batch waits as long as this function does.
SET lock_timeout = '50ms'
AS $$
DECLARE
  machine_limit CONSTANT int := 50;
  -- What is locked is waited for no more often than this.
  obstacle_limit CONSTANT int := 3;
  machines int := 0;
  obstacles int := 0;
  is_over boolean := false;
  stone tombstone;
  rows_left int := most_rows;
  bytes_left bigint := most_bytes;
  part int;
  number int;
  bytes bigint;
  last_event bigint;
  last_sequence bigint;
BEGIN
  is_more := false;
  FOR stone IN
    SELECT old.*
    FROM shard
    CROSS JOIN LATERAL (
      SELECT * FROM tombstone
      WHERE tombstone.shard = shard.shard AND tombstone.next_at <= now()
      ORDER BY tombstone.shard, tombstone.machine_key
      LIMIT machine_limit
      FOR UPDATE SKIP LOCKED
    ) AS old
    WHERE shard.owner = me AND shard.shard % slots = its_slot
    LIMIT machine_limit
  LOOP
    EXIT WHEN is_over OR obstacles >= obstacle_limit OR rows_left <= 0 OR bytes_left <= 0;
    machines := machines + 1;
    part := least(rows_left, stone.row_limit);
    BEGIN
      -- The events, and behind them the notifications: as many of both as fit.
      SELECT count(*), coalesce(sum(page.size), 0),
        max(page.place) FILTER (WHERE page.kind = 1), max(page.place) FILTER (WHERE page.kind = 2)
      INTO number, bytes, last_event, last_sequence
      FROM (
        SELECT head.kind, head.place, head.size,
          sum(head.size) OVER in_order - head.size AS before, row_number() OVER in_order AS ordinal
        FROM (
          (SELECT 1 AS kind, event.id AS place, octet_length(event.data)::bigint AS size
           FROM event
           WHERE event.shard = stone.shard AND event.machine_key = stone.machine_key
             AND event.id > stone.event_id
           ORDER BY event.shard, event.machine_key, event.id
           LIMIT part)
          UNION ALL
          (SELECT 2, notification.sequence, octet_length(notification.args)::bigint
           FROM notification
           WHERE notification.shard = stone.shard
             AND notification.machine_key = stone.machine_key
             AND notification.sequence > stone.sequence
           ORDER BY notification.shard, notification.machine_key, notification.sequence
           LIMIT part)
        ) AS head
        WINDOW in_order AS (ORDER BY head.kind, head.place)
      ) AS page
      WHERE page.before < bytes_left AND page.ordinal <= part;
      DELETE FROM event
      WHERE event.shard = stone.shard AND event.machine_key = stone.machine_key
        AND event.id > stone.event_id AND event.id <= last_event;
      DELETE FROM notification
      WHERE notification.shard = stone.shard AND notification.machine_key = stone.machine_key
        AND notification.sequence > stone.sequence AND notification.sequence <= last_sequence;
      IF number < part AND bytes < bytes_left THEN
        DELETE FROM tombstone
        WHERE tombstone.shard = stone.shard AND tombstone.machine_key = stone.machine_key;
      ELSE
        UPDATE tombstone SET
          event_id = coalesce(last_event, stone.event_id),
          sequence = coalesce(last_sequence, stone.sequence),
          row_limit = nullif(least(stone.row_limit * 2, most_rows), most_rows)
        WHERE tombstone.shard = stone.shard AND tombstone.machine_key = stone.machine_key;
        is_more := true;
      END IF;
      rows_left := rows_left - number;
      bytes_left := bytes_left - bytes;
    EXCEPTION
      WHEN internal_error OR data_corrupted OR index_corrupted OR io_error OR undefined_file THEN
        damage := format(
          'shard %s, machine key %s: %s (%s)', stone.shard, stone.machine_key, SQLERRM, SQLSTATE);
        UPDATE tombstone SET next_at = now() + interval '1 hour'
        WHERE tombstone.shard = stone.shard AND tombstone.machine_key = stone.machine_key;
      -- query_canceled: the time of the statement is over. It comes once, so the rest is written.
      WHEN lock_not_available OR query_canceled THEN
        is_over := SQLSTATE = '57014';
        obstacles := obstacles + 1;
        obstacle := format(
          'shard %s, machine key %s: %s (%s)', stone.shard, stone.machine_key, SQLERRM, SQLSTATE);
        UPDATE tombstone SET
          next_at = now() + interval '5 seconds',
          row_limit = CASE WHEN is_over THEN greatest(1, part / 2) ELSE stone.row_limit END
        WHERE tombstone.shard = stone.shard AND tombstone.machine_key = stone.machine_key;
    END;
  END LOOP;
  is_more := is_more OR machines >= machine_limit OR rows_left <= 0 OR bytes_left <= 0
    OR obstacles > 0;
END $$;

-- From here to the end of the migration removals and renewals of leases wait.

-- Rows of a piece, after one that took too long; NULL = as many as others.
ALTER TABLE tombstone ADD COLUMN row_limit int;

-- The schema that the node's program knows: what only older ones use stays as long as one of them
-- lives.
ALTER TABLE node ADD COLUMN schema_version int NOT NULL DEFAULT 0;

INSERT INTO schema_migration (number, name) VALUES (7, 'patient_sweeps');
