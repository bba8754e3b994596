-- What only nodes from before migration 007 use. It waits for their end.

DROP FUNCTION sweep_tombstones(uuid, int, int, int, bigint);

-- Not there where an earlier form of migration 006 was applied. Last: it locks the machines, for a
-- moment.
DROP INDEX IF EXISTS machine_due;

INSERT INTO schema_migration (number, name) VALUES (8, 'drop_superseded');
