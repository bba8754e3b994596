-- Purpose: delete events and notifications of removed machines of one writer's shards, a bounded number
-- at a time.
-- Runs: under the fence, like everything that writes.
-- Parameters: $1 uuid node, $2 int slot, $3 int slots, $4 int at most so many rows, $5 int8 and none
-- begun beyond so many bytes.
-- Result: how many were deleted; whether more may be left; what could not be deleted, NULL = nothing.
-- Plan: shard_by_owner, per shard tombstone_pkey, per machine a range of event_pkey and of
-- notification_pkey.
SELECT deleted, is_more, damage FROM sweep_tombstones($1, $2, $3, $4, $5);
