-- Purpose: delete events and notifications of removed machines of one writer's shards, a bounded
-- number at a time.
-- Runs: under the fence, like everything that writes.
-- Parameters: $1 uuid node, $2 int slot, $3 int slots, $4 int at most so many rows, $5 int8 and
-- none begun beyond so many bytes. Locks: tombstones; rows that are locked are waited for 150 ms at
-- most in all. Result: whether more may be left; what could not be deleted, NULL = nothing; what
-- was put off, NULL = nothing. Plan: shard_by_owner, per shard tombstone_pkey, per machine a range
-- of event_pkey and of notification_pkey.
SELECT is_more, damage, obstacle FROM sweep_removed_machines($1, $2, $3, $4, $5);
