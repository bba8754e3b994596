-- Purpose: begin a lease.
-- Parameters: $1 uuid node, $2 int8 its time to live in microseconds, $3 text the name of the node,
-- $4 int the schema that its program knows.
INSERT INTO node (id, expires_at, name, schema_version)
VALUES ($1, clock_timestamp() + $2 * interval '1 microsecond', $3, $4);
