-- Purpose: no number that a later owner gave out, before the database was put back to an earlier
-- time, is given out again: a processor would take a new step for one that it knows. An epoch is
-- made of the time in seconds, and an owner comes with a higher one less often than every second:
-- so it is beyond those of another restore of the same copy too, as soon as the second is over
-- (restored_wait.sql). It fits 31 bits until 2091.
UPDATE shard SET epoch = greatest(
  epoch + 1, extract(epoch FROM clock_timestamp())::bigint - 1700000000);
