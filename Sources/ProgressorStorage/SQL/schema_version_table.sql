-- Purpose: make a place for the schema's version, before anything else.
-- Runs: at every start, under the migration lock; a script of two statements, one transaction.
CREATE SCHEMA IF NOT EXISTS progressor;
CREATE TABLE IF NOT EXISTS progressor.schema_migration (
  number int PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
