-- What it takes to delete a namespace.

-- Holds the rows of these namespaces until the transaction's end: none of them is deleted
-- meanwhile. Stops everything if one is gone, or is just being deleted: nobody waits here. The lock
-- is the weakest that there is, and whoever changes a namespace is not in its way. One by one: the
-- plan of a query for all would be made anew each time.
CREATE FUNCTION hold_namespaces(numbers int[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  its_number int;
BEGIN
  FOREACH its_number IN ARRAY numbers LOOP
    PERFORM 1 FROM namespace WHERE number = its_number FOR KEY SHARE SKIP LOCKED;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'namespace % is gone', its_number USING ERRCODE = 'PGF04';
    END IF;
  END LOOP;
END $$;

-- The name that a deleted namespace had; NULL = it is there.
ALTER TABLE repair_job ADD COLUMN namespace_name text COLLATE "C";

INSERT INTO schema_migration (number, name) VALUES (9, 'delete_namespaces');
