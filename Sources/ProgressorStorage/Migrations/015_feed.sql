-- What was committed, in order, for those who follow along.

-- Written with the step that it tells of. The sequence of a shard has no gaps and is the order of
-- its commits. Of one namespace the oldest entries go first. Nodes of older versions write none:
-- a namespace's feed is to be turned on when they are replaced.
CREATE TABLE feed (
  shard int NOT NULL,
  sequence bigint NOT NULL,
  -- By name: entries outlive their machines, and their namespace.
  namespace text COLLATE "C" NOT NULL,
  machine_id text COLLATE "C" NOT NULL,
  -- 1 created, 2 an event, 3 its status changed, 4 removed.
  kind int NOT NULL,
  created_at timestamptz NOT NULL,
  -- About how many bytes all entries of the namespace in the shard have taken, this one included.
  volume bigint NOT NULL,
  -- Of an event; its data are empty where it is told without.
  event_id bigint,
  event_at timestamptz,
  format int,
  data bytea,
  -- Of a machine that failed, as of machines; failed_at NULL = it works.
  failed_at timestamptz,
  failure_reason text,
  failure_step int,
  failure_code int,
  failure_attempts int,
  failure_token text,
  failure_principal text,
  PRIMARY KEY (shard, sequence)
) WITH (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05
);

-- What a subscriber of a few namespaces reads, and what is to go next.
CREATE INDEX feed_by_namespace ON feed (shard, namespace, sequence);

-- Up to which number entries of a namespace are gone.
CREATE TABLE feed_trimmed (
  shard int NOT NULL,
  namespace text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL,
  PRIMARY KEY (shard, namespace)
);

-- A subscriber that goes on where it had got to, by name.
CREATE TABLE feed_consumer (
  name text COLLATE "C" PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- Who subscribed first; NULL = nobody had an identity.
  principal text,
  -- Grows when it is to go on elsewhere.
  generation bigint NOT NULL DEFAULT 1
);

-- Up to which number a consumer has acknowledged a shard's entries. None = it begins at the oldest.
CREATE TABLE feed_cursor (
  shard int NOT NULL,
  consumer text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL,
  -- NULL = it begins there.
  acknowledged_at timestamptz,
  PRIMARY KEY (shard, consumer)
) WITH (fillfactor = 50);

CREATE INDEX feed_cursor_by_consumer ON feed_cursor (consumer, shard);

-- Who shares the shards of a consumer at present.
CREATE TABLE feed_subscriber (
  consumer text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  joined_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  PRIMARY KEY (consumer, id)
) WITH (fillfactor = 50);

-- Whether entries are written, and with what events say; for how many microseconds they are kept,
-- NULL = the default; and about how many bytes, 0 = no bound.
ALTER TABLE namespace
  ADD COLUMN feed_enabled boolean NOT NULL DEFAULT false,
  ADD COLUMN feed_bodies boolean NOT NULL DEFAULT false,
  ADD COLUMN feed_retention bigint,
  ADD COLUMN feed_max_bytes bigint NOT NULL DEFAULT 0;

INSERT INTO schema_migration (number, name) VALUES (15, 'feed');
