-- Pauses of machines and of namespaces: no step begins there. A paused machine has no `due_at`.

ALTER TABLE machine
  -- Paused, since when and why; paused_at NULL = not paused.
  ADD COLUMN paused_at timestamptz,
  ADD COLUMN pause_reason text,
  ADD CHECK ((paused_at IS NULL) = (pause_reason IS NULL)),
  ADD CHECK (paused_at IS NULL OR due_at IS NULL);

CREATE INDEX machine_paused ON machine (namespace, id) WHERE paused_at IS NOT NULL;

ALTER TABLE namespace
  ADD COLUMN paused_at timestamptz,
  ADD COLUMN pause_reason text,
  ADD CHECK ((paused_at IS NULL) = (pause_reason IS NULL));

INSERT INTO schema_migration (number, name) VALUES (3, 'pause');
