-- Purpose: begin a lease.
-- Parameters: $1 uuid node, $2 int8 its time to live in microseconds, $3 text the name of the node,
-- $4 int the schema that its program knows, $5 text where it listens, $6 text its version, $7 int8
-- microseconds since its start.
INSERT INTO node (id, expires_at, name, schema_version, address, version, started_at)
VALUES ($1, clock_timestamp() + $2 * interval '1 microsecond', $3, $4, $5, $6,
  clock_timestamp() - $7 * interval '1 microsecond');
