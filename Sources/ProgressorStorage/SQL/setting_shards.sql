-- Purpose: the number of shards of this database.
SELECT shards FROM setting;
