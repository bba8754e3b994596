-- Purpose: let one node at a time look at the schema and change it.
-- Locks: an advisory lock of the session, given back when its connection closes.
SELECT pg_advisory_lock(8097880561172341362);
