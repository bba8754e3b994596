-- Purpose: make a place for the schema's version, before anything else in it.
-- Runs: when there is none, under the migration lock.
CREATE TABLE progressor.schema_migration (
  number int PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
