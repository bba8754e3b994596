-- What keeps the cost of a commit within what is in it: tombstones, and a probe that tells a bad
-- step from a bad database.

-- Machines that were removed. Their own row goes with the commit that removes them, and with it
-- they are gone for everybody: rows are only ever read by the key of a machine that is there, and
-- no key is used again. Their events and notifications are deleted afterwards, a bounded number at
-- a time, so that the length of a history is in no commit's way.

CREATE TABLE tombstone (
  shard int NOT NULL,
  machine_key bigint NOT NULL,
  removed_at timestamptz NOT NULL DEFAULT now(),
  -- Deleted up to this event and this notification: the next piece is found without another look at
  -- what earlier ones left behind in the index.
  event_id bigint NOT NULL DEFAULT 0,
  sequence bigint NOT NULL DEFAULT 0,
  -- Not before this time: rows that cannot be deleted are tried again later.
  next_at timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (shard, machine_key)
) WITH (
  fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000
);

-- Deletes at most so many rows of removed machines of one writer's shards, and no more after so
-- many bytes of them. Runs under the fence, like everything that writes. A machine whose rows the
-- server cannot read is left for an hour, and is nobody else's trouble.
CREATE FUNCTION sweep_tombstones(
  me uuid, its_slot int, slots int, row_limit int, byte_limit bigint,
  OUT deleted bigint, OUT is_more boolean, OUT damage text
) LANGUAGE plpgsql AS $$
DECLARE
  machine_limit CONSTANT int := 50;
  machines int := 0;
  stone tombstone;
  rows_left int := row_limit;
  bytes_left bigint := byte_limit;
  number int;
  bytes bigint;
  last bigint;
  is_finished boolean;
BEGIN
  FOR stone IN
    SELECT old.*
    FROM shard
    CROSS JOIN LATERAL (
      SELECT * FROM tombstone
      WHERE tombstone.shard = shard.shard AND tombstone.next_at <= now()
      ORDER BY tombstone.shard, tombstone.machine_key
      LIMIT machine_limit
    ) AS old
    WHERE shard.owner = me AND shard.shard % slots = its_slot
    LIMIT machine_limit
  LOOP
    EXIT WHEN rows_left <= 0 OR bytes_left <= 0;
    machines := machines + 1;
    BEGIN
      SELECT count(*), coalesce(sum(page.size), 0), max(page.id) INTO number, bytes, last
      FROM (
        SELECT head.id, head.size, sum(head.size) OVER (ORDER BY head.id) - head.size AS before
        FROM (
          SELECT event.id, octet_length(event.data)::bigint AS size
          FROM event
          WHERE event.shard = stone.shard AND event.machine_key = stone.machine_key
            AND event.id > stone.event_id
          ORDER BY event.shard, event.machine_key, event.id
          LIMIT rows_left
        ) AS head
      ) AS page
      WHERE page.before < bytes_left;
      IF last IS NOT NULL THEN
        DELETE FROM event
        WHERE event.shard = stone.shard AND event.machine_key = stone.machine_key
          AND event.id > stone.event_id AND event.id <= last;
        stone.event_id := last;
      END IF;
      is_finished := number < rows_left AND bytes < bytes_left;
      rows_left := rows_left - number;
      bytes_left := bytes_left - bytes;
      IF is_finished THEN
        SELECT count(*), coalesce(sum(page.size), 0), max(page.sequence) INTO number, bytes, last
        FROM (
          SELECT head.sequence, head.size,
            sum(head.size) OVER (ORDER BY head.sequence) - head.size AS before
          FROM (
            SELECT notification.sequence, octet_length(notification.args)::bigint AS size
            FROM notification
            WHERE notification.shard = stone.shard
              AND notification.machine_key = stone.machine_key
              AND notification.sequence > stone.sequence
            ORDER BY notification.shard, notification.machine_key, notification.sequence
            LIMIT rows_left
          ) AS head
        ) AS page
        WHERE page.before < bytes_left;
        IF last IS NOT NULL THEN
          DELETE FROM notification
          WHERE notification.shard = stone.shard AND notification.machine_key = stone.machine_key
            AND notification.sequence > stone.sequence AND notification.sequence <= last;
          stone.sequence := last;
        END IF;
        is_finished := number < rows_left AND bytes < bytes_left;
        rows_left := rows_left - number;
        bytes_left := bytes_left - bytes;
      END IF;
      IF is_finished THEN
        DELETE FROM tombstone
        WHERE tombstone.shard = stone.shard AND tombstone.machine_key = stone.machine_key;
      ELSE
        UPDATE tombstone SET event_id = stone.event_id, sequence = stone.sequence
        WHERE tombstone.shard = stone.shard AND tombstone.machine_key = stone.machine_key;
      END IF;
    EXCEPTION
      WHEN internal_error OR data_corrupted OR index_corrupted OR io_error OR undefined_file THEN
        damage := format(
          'shard %s, machine key %s: %s (%s)', stone.shard, stone.machine_key, SQLERRM, SQLSTATE);
        UPDATE tombstone SET next_at = now() + interval '1 hour'
        WHERE tombstone.shard = stone.shard AND tombstone.machine_key = stone.machine_key;
    END;
  END LOOP;
  deleted := row_limit - rows_left;
  is_more := machines >= machine_limit OR rows_left <= 0 OR bytes_left <= 0;
END $$;

-- Writes a row of every kind, a short and a long value, and takes all of it back: ends with PGF03
-- when the database takes what a step may write, and with another error when it does not.
CREATE FUNCTION probe_writing(its_shard int) RETURNS void
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

INSERT INTO schema_migration (number, name) VALUES (5, 'bounded_commits');
