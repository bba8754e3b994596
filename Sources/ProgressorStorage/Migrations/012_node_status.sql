-- What people want to know of a node: where it listens, and which version it is. Nodes of older
-- versions do not say.
ALTER TABLE node
  ADD COLUMN address text NOT NULL DEFAULT '',
  ADD COLUMN version text NOT NULL DEFAULT '';

INSERT INTO schema_migration (number, name) VALUES (12, 'node_status');
