-- Who may write what: settings, nodes, their writer connections, shards, namespaces.
--
-- Lock order everywhere: node, writer, shard, data. A lease is a row of `node` that its process
-- renews by the database's clock; whoever deletes its `writer` rows waits for the open batch of
-- each and stops every later one. None of these tables grows with the number of machines, so they
-- may have foreign keys; the tables of migration 002 have none.

CREATE TABLE setting (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  -- Part of the stored format: machines are spread by hash modulo this number.
  shards int NOT NULL CHECK (shards BETWEEN 1 AND 65536),
  initialised_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One process that is alive until `expires_at`. The id is random per lease, never used again.
CREATE TABLE node (
  id uuid PRIMARY KEY,
  expires_at timestamptz NOT NULL,
  name text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One writer connection of a node. Each batch locks its row, none updates it: with an old snapshot
-- open, a row that is updated per batch becomes slower with every batch.
CREATE TABLE writer (
  node uuid NOT NULL REFERENCES node (id),
  slot int NOT NULL CHECK (slot >= 0),
  -- Raised by a new connection of the same node, before it looks what the old one has done.
  epoch bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (node, slot)
);

-- The foreign key makes an owner without a lease impossible, also when a node takes shards in the
-- moment in which its own lease is taken over.
CREATE TABLE shard (
  shard int PRIMARY KEY,
  owner uuid REFERENCES node (id),
  -- Grows with each transfer: the fencing token of processors, part of new machines' keys.
  epoch bigint NOT NULL DEFAULT 0
);

CREATE INDEX shard_by_owner ON shard (owner);

-- Intervals in microseconds. NULL = the documented default.
CREATE TABLE namespace (
  number int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  name text COLLATE "C" NOT NULL UNIQUE CHECK (octet_length(name) BETWEEN 1 AND 256),
  version bigint NOT NULL DEFAULT 1,
  endpoint text NOT NULL,
  processor_timeout bigint,
  max_in_flight int NOT NULL DEFAULT 0,
  connections int NOT NULL DEFAULT 0,
  retry_initial_interval bigint,
  retry_multiplier float8,
  retry_max_interval bigint,
  retry_max_attempts int,
  retry_jitter float8,
  retry_non_retryable text[] NOT NULL DEFAULT '{}',
  limit_mailbox int,
  limit_steps_in_flight int,
  limit_notifications int,
  -- The default history range: direction NULL = everything.
  history_after bigint,
  history_limit int,
  history_direction int,
  idempotency_retention bigint
);

-- First statement of every batch. Zero rows would not stop a pipeline, an error does; a plain read
-- would not stop a takeover that happens between it and the commit, the lock does.
CREATE FUNCTION fence(its_node uuid, its_slot int, its_epoch bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM writer
  WHERE node = its_node AND slot = its_slot AND epoch = its_epoch
  FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'writer % of node % is fenced', its_slot, its_node USING ERRCODE = 'PGF01';
  END IF;
END $$;

-- Ends the transaction when a set-based statement has touched another number of rows than it had
-- to.
CREATE FUNCTION expect(touched bigint, expected bigint, what text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF touched IS DISTINCT FROM expected THEN
    RAISE EXCEPTION '%: % rows instead of %', what, touched, expected USING ERRCODE = 'PGF02';
  END IF;
END $$;

-- Locks the caller's own lease, so that it cannot be taken over while it takes shards.
CREATE FUNCTION lock_own_lease(me uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM node WHERE id = me AND expires_at > clock_timestamp() FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the lease of node % is over', me USING ERRCODE = 'PGF01';
  END IF;
END $$;

-- Takes all shards of a node whose lease is over, or of any other node if `is_exclusive`. Nothing
-- when another node does so at the moment or has done so. Deleting the writer rows waits for open
-- batches: run it with a lock_timeout, and end the dead node's sessions when it passes.
CREATE FUNCTION take_over(me uuid, dead uuid, is_exclusive boolean)
RETURNS TABLE (taken_shard int, taken_epoch bigint)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM lock_own_lease(me);
  PERFORM 1 FROM node
  WHERE id = dead AND id <> me AND (is_exclusive OR expires_at < clock_timestamp())
  FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  DELETE FROM writer WHERE node = dead;
  RETURN QUERY
    UPDATE shard AS s SET owner = me, epoch = s.epoch + 1 WHERE s.owner = dead
    RETURNING s.shard, s.epoch;
  DELETE FROM node WHERE id = dead;
END $$;

-- Takes all shards without an owner.
CREATE FUNCTION claim_shards(me uuid) RETURNS TABLE (taken_shard int, taken_epoch bigint)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM lock_own_lease(me);
  RETURN QUERY
    UPDATE shard AS s SET owner = me, epoch = s.epoch + 1 WHERE s.owner IS NULL
    RETURNING s.shard, s.epoch;
END $$;

-- Gives everything back. The lock on the writer rows waits for an open batch.
CREATE FUNCTION release_lease(me uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM node WHERE id = me FOR UPDATE;
  DELETE FROM writer WHERE node = me;
  UPDATE shard SET owner = NULL WHERE owner = me;
  DELETE FROM node WHERE id = me;
END $$;

INSERT INTO schema_migration (number, name) VALUES (1, 'leases');
