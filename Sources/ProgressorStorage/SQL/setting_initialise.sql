-- Purpose: fix the number of shards, if that has not happened, and make their rows.
-- Parameters: $1 int the number for a new database.
-- Result: nothing; `setting_shards` tells what is fixed.
WITH fixed AS (
  INSERT INTO setting (shards) VALUES ($1) ON CONFLICT DO NOTHING RETURNING shards
)
INSERT INTO shard (shard) SELECT generate_series(0, shards - 1) FROM fixed;
