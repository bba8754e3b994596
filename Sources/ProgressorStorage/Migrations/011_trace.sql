-- What happened to machines, for those who ask.

-- A record of a step, written with it. The sequence grows within a machine.
CREATE TABLE trace (
  shard int NOT NULL,
  machine_key bigint NOT NULL,
  sequence bigint NOT NULL,
  -- Empty = the processor was not asked.
  step text NOT NULL,
  -- NULL = a pause, or its end.
  kind int,
  began_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  -- 1 committed, 2 refused, 3 retried, 4 failed, 5 repaired, 6 paused, 7 resumed.
  outcome int NOT NULL,
  attempt int NOT NULL,
  code int NOT NULL,
  message text NOT NULL,
  -- 0 = it appended none.
  first_event_id bigint NOT NULL,
  last_event_id bigint NOT NULL,
  -- NULL = nobody had an identity, or the request no trace id.
  principal text,
  trace_id text,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (shard, machine_key, sequence)
) WITH (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05
);

CREATE INDEX trace_by_expiry ON trace (shard, expires_at);

-- As of migration 007, and behind the events and the notifications of a machine what was recorded
-- of it.
CREATE OR REPLACE FUNCTION sweep_removed_machines(
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
  last_record bigint;
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
      -- The events, behind them the notifications, then the records: as many as fit.
      SELECT count(*), coalesce(sum(page.size), 0),
        max(page.place) FILTER (WHERE page.kind = 1),
        max(page.place) FILTER (WHERE page.kind = 2),
        max(page.place) FILTER (WHERE page.kind = 3)
      INTO number, bytes, last_event, last_sequence, last_record
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
          UNION ALL
          (SELECT 3, trace.sequence, octet_length(trace.message)::bigint
           FROM trace
           WHERE trace.shard = stone.shard AND trace.machine_key = stone.machine_key
             AND trace.sequence > stone.trace_sequence
           ORDER BY trace.shard, trace.machine_key, trace.sequence
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
      DELETE FROM trace
      WHERE trace.shard = stone.shard AND trace.machine_key = stone.machine_key
        AND trace.sequence > stone.trace_sequence AND trace.sequence <= last_record;
      IF number < part AND bytes < bytes_left THEN
        DELETE FROM tombstone
        WHERE tombstone.shard = stone.shard AND tombstone.machine_key = stone.machine_key;
      ELSE
        UPDATE tombstone SET
          event_id = coalesce(last_event, stone.event_id),
          sequence = coalesce(last_sequence, stone.sequence),
          trace_sequence = coalesce(last_record, stone.trace_sequence),
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

-- As of migration 005, with a record of a step.
CREATE OR REPLACE FUNCTION probe_writing(its_shard int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  -- No machine has this key.
  its_key CONSTANT bigint := -1;
  long_value CONSTANT bytea := decode(repeat('00', 4000), 'hex');
BEGIN
  INSERT INTO machine (
    shard, machine_key, namespace, id, version, created_at, last_event_id, last_event_at,
    aux_format, aux_data, notification_count, notification_retrying)
  VALUES (its_shard, its_key, 0, 'probe', 1, now(), 2, now(), 0, long_value, 1, false);
  UPDATE machine SET version = 2 WHERE shard = its_shard AND machine_key = its_key;
  INSERT INTO event (shard, machine_key, id, created_at, format, data)
  VALUES (its_shard, its_key, 1, now(), 0, ''), (its_shard, its_key, 2, now(), 0, long_value);
  INSERT INTO trace (
    shard, machine_key, sequence, step, began_at, ended_at, outcome, attempt, code, message,
    first_event_id, last_event_id, expires_at)
  VALUES (
    its_shard, its_key, 1, 'probe', now(), now(), 1, 1, 0, repeat('probe', 800), 1, 2, now());
  INSERT INTO notification (
    shard, machine_key, sequence, notification_id, args, context, accepted_at)
  VALUES (its_shard, its_key, 1, 'probe', long_value, '', now());
  INSERT INTO idempotency (
    shard, namespace, machine_id, key, fingerprint, reply_kind, reply_data, expires_at)
  VALUES (its_shard, 0, 'probe', 'probe', '', 2, long_value, now());
  DELETE FROM notification WHERE shard = its_shard AND machine_key = its_key;
  DELETE FROM machine WHERE shard = its_shard AND machine_key = its_key;
  INSERT INTO tombstone (shard, machine_key) VALUES (its_shard, its_key);
  RAISE EXCEPTION 'the probe has written' USING ERRCODE = 'PGF03';
END $$;

-- From here to the end of the migration removals and changes of namespaces wait.

-- Deleted up to this record.
ALTER TABLE tombstone ADD COLUMN trace_sequence bigint NOT NULL DEFAULT 0;

-- What is recorded, as progressor.v1.TraceLevel has it, and for how many microseconds; NULL = the
-- default.
ALTER TABLE namespace
  ADD COLUMN trace_level int,
  ADD COLUMN trace_retention bigint;

INSERT INTO schema_migration (number, name) VALUES (11, 'trace');
