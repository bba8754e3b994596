-- What only nodes from before migration 007 use. It waits for their end.

-- One that has no lease at the moment, since it starts, is frozen or cut off, must not come back to
-- go on without what goes here. It does not say what it knows of the schema, so it gets no lease.
ALTER TABLE node ALTER COLUMN schema_version DROP DEFAULT;

-- From here on nobody writes leases. One that is over counts: it can be renewed until another node
-- takes it.
DO $$
BEGIN
  IF EXISTS (SELECT FROM node WHERE schema_version < 7) THEN
    RAISE EXCEPTION 'a node of an older version has a lease';
  END IF;
END $$;

DROP FUNCTION sweep_tombstones(uuid, int, int, int, bigint);

-- Not there where an earlier form of migration 006 was applied. Last: it locks the machines, for a
-- moment.
DROP INDEX IF EXISTS machine_due;

INSERT INTO schema_migration (number, name) VALUES (8, 'drop_superseded');
