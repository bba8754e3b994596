-- Purpose: what an attempt to build an index beside the traffic has left behind when it was cut
-- short.
-- Parameters: $1 text the index.
-- Result: the statement that takes it away; none for an index that is whole.
SELECT format('DROP INDEX CONCURRENTLY %s', indexrelid::regclass)
FROM pg_index
WHERE indexrelid = to_regclass('progressor.' || $1) AND NOT (indisvalid AND indisready);
