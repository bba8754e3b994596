-- What machines are made of. Every primary key begins with `shard`; every unique constraint has it
-- and no foreign key crosses shards, so that the tables can be distributed by it.
--
-- A machine's rows hang on `machine_key`, 64 bits that the shard's owner assigns and never uses
-- again: a machine that is started again under its id is another one. Text compares by bytes.

CREATE TABLE machine (
  shard int NOT NULL,
  machine_key bigint NOT NULL,
  namespace int NOT NULL,
  id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 256),
  -- 1 at the start, plus one with each update: the second safeguard beside the fence.
  version bigint NOT NULL,
  created_at timestamptz NOT NULL,
  last_event_id bigint NOT NULL,
  last_event_at timestamptz NOT NULL,

  -- The aux state; both NULL = none.
  aux_format int,
  aux_data bytea,

  -- Failed, since when and why; failed_at NULL = working.
  failed_at timestamptz,
  failure_reason text,
  failure_step int,
  failure_code int,
  failure_attempts int,

  -- The timer; timer_at NULL = none. direction NULL = no history range was given.
  timer_serial bigint,
  timer_at timestamptz,
  timer_after bigint,
  timer_limit int,
  timer_direction int,
  timer_processing_timeout bigint,
  timer_context text,

  -- The timeout's retry state; attempt NULL = not tried.
  timer_attempt int,
  timer_next_at timestamptz,
  timer_code int,
  timer_message text,

  notification_count int NOT NULL,
  -- The head of the queue was tried and failed, and is tried again.
  notification_retrying boolean NOT NULL,
  -- When the machine has something to do by itself; NULL = nothing, always when it is failed.
  due_at timestamptz,

  PRIMARY KEY (shard, machine_key),
  -- By id within the shard, and for pages of a namespace. The shard stands last: beginning with it,
  -- this index would tie with the primary key in plans that are made while the table is empty.
  UNIQUE (namespace, id, shard),
  CHECK (notification_count >= 0),
  CHECK ((aux_format IS NULL) = (aux_data IS NULL))
) WITH (
  -- Room for the new version of a row on its page: without a change of an index it stays there.
  fillfactor = 80,
  autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.1
);

-- Payloads are the users' bytes, mostly compressed already: kept as they are, out of line when
-- long.
ALTER TABLE machine ALTER COLUMN aux_data SET STORAGE EXTERNAL;

CREATE INDEX machine_failed ON machine (namespace, id) WHERE failed_at IS NOT NULL;
CREATE INDEX machine_retrying ON machine (namespace, id)
  WHERE failed_at IS NULL AND (timer_attempt IS NOT NULL OR notification_retrying);
CREATE INDEX machine_due ON machine (due_at, shard, machine_key) WHERE due_at IS NOT NULL;

-- The history: ids 1…n of each machine without a gap, never rewritten.
CREATE TABLE event (
  shard int NOT NULL,
  machine_key bigint NOT NULL,
  id bigint NOT NULL CHECK (id > 0),
  created_at timestamptz NOT NULL,
  format int NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (shard, machine_key, id)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

ALTER TABLE event ALTER COLUMN data SET STORAGE EXTERNAL;

-- Accepted notifications that wait for their delivery, in the order of `sequence`.
CREATE TABLE notification (
  shard int NOT NULL,
  machine_key bigint NOT NULL,
  sequence bigint NOT NULL,
  notification_id text NOT NULL,
  args bytea NOT NULL,
  -- direction NULL = no history range was given.
  history_after bigint,
  history_limit int,
  history_direction int,
  context text NOT NULL,
  accepted_at timestamptz NOT NULL,
  -- The retry state, of the head only; attempt NULL = not tried.
  attempt int,
  next_at timestamptz,
  code int,
  message text,
  PRIMARY KEY (shard, machine_key, sequence)
) WITH (
  -- Rows come and go: clean up by the number of dead rows, not by their share.
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000
);

ALTER TABLE notification ALTER COLUMN args SET STORAGE EXTERNAL;

-- Replies that idempotency keys remember. They belong to a machine's id, not to its key, and stay
-- when the machine is gone.
CREATE TABLE idempotency (
  shard int NOT NULL,
  namespace int NOT NULL,
  machine_id text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  -- Of the method and its arguments.
  fingerprint bytea NOT NULL,
  -- 1 started, 2 called, 3 notified, 4 repaired.
  reply_kind int NOT NULL CHECK (reply_kind BETWEEN 1 AND 4),
  -- The response, or the notification's id in UTF-8.
  reply_data bytea NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (shard, namespace, machine_id, key)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

ALTER TABLE idempotency ALTER COLUMN reply_data SET STORAGE EXTERNAL;

CREATE INDEX idempotency_by_expiry ON idempotency (shard, expires_at);

INSERT INTO schema_migration (number, name) VALUES (2, 'machines');
