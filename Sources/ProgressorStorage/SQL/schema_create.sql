-- Purpose: make the schema.
-- Runs: when there is none, under the migration lock: with IF NOT EXISTS the right to make schemas
-- would be needed for ever.
CREATE SCHEMA progressor;
