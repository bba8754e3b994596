-- Purpose: the writer connections of a node that begins its lease.
-- Parameters: $1 uuid node, $2 int how many.
INSERT INTO writer (node, slot) SELECT $1, generate_series(0, $2 - 1);
