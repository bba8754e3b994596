-- Purpose: whoever restores the same copy after this one makes other epochs (restored_epochs.sql):
-- the second of which these were made is over, and of those that its next owner has as well.
SELECT pg_sleep(2);
