-- Messages that steps send, until they are delivered. Nodes of older versions leave them as they
-- are: what is due of their machines waits until a node of this version has those.
CREATE TABLE message (
  shard int NOT NULL,
  -- The machine that sent it; it may be gone.
  machine_key bigint NOT NULL,
  -- Grows within the shard, and is never given again.
  number bigint NOT NULL,
  -- The sender's names.
  namespace int NOT NULL,
  sender text NOT NULL,
  target_namespace text NOT NULL,
  target text NOT NULL,
  -- 1 starts the target, 2 starts it unless it is there, 3 notifies it.
  kind int NOT NULL,
  args bytea NOT NULL,
  -- NULL = it has none. Of one machine's that can still be delivered no two have the same.
  name text,
  reports_failure boolean NOT NULL,
  -- As of timers.
  context text NOT NULL,
  created_at timestamptz NOT NULL,
  deliver_at timestamptz NOT NULL,
  attempts int NOT NULL,
  -- When it is tried next; NULL = it can never be delivered.
  due_at timestamptz,
  last_code int NOT NULL,
  last_reason text NOT NULL,
  PRIMARY KEY (shard, machine_key, number)
) WITH (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05
);

-- What is to be delivered next, in the order in which it was meant to be.
CREATE INDEX message_due ON message (deliver_at, shard, number) WHERE due_at IS NOT NULL;

-- What a machine can cancel.
CREATE INDEX message_named ON message (shard, machine_key) INCLUDE (name, number)
WHERE name IS NOT NULL AND due_at IS NOT NULL;

-- Whether a namespace still has some.
CREATE INDEX message_by_namespace ON message (namespace);

ALTER TABLE machine
  ADD COLUMN pending_messages int NOT NULL DEFAULT 0,
  ADD COLUMN undelivered_messages int NOT NULL DEFAULT 0;

-- Of a message of another machine, its sender; of one of its own that can never be delivered, who
-- should have got it. NULL = a client notifies.
ALTER TABLE notification
  ADD COLUMN sender_namespace text,
  ADD COLUMN sender text,
  -- Its name, '' = it has none. NULL = it is no report of one that can never be delivered.
  ADD COLUMN undelivered_name text,
  ADD COLUMN undelivered_code int,
  ADD COLUMN undelivered_reason text;

ALTER TABLE namespace ADD COLUMN limit_messages int;

INSERT INTO schema_migration (number, name) VALUES (14, 'messages');
