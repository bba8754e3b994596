-- Purpose: let one node at a time look at the schema and change it.
-- Locks: an advisory lock of the session, given back when its connection closes. Not waited for: an
-- index that another node builds beside the traffic would wait for this statement in turn. Result:
-- whether it is ours.
SELECT pg_try_advisory_lock(8097880561172341362);
