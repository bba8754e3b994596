-- Purpose: how far the index is that a session builds.
-- Parameters: $1 int its process.
-- Result: a text for people; none before it has begun.
SELECT format('%s: %s of %s blocks, %s of %s rows',
  phase, blocks_done, blocks_total, tuples_done, tuples_total)
FROM pg_stat_progress_create_index WHERE pid = $1;
