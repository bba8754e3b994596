-- Purpose: take one of the locks under which nodes look at the schema and change it.
-- Parameters: $1 int8 which.
-- Locks: an advisory lock of the session, given back when its connection closes. Not waited for: an
-- index that another node builds beside the traffic would wait for this statement in turn.
-- Result: whether it is ours.
SELECT pg_try_advisory_lock($1);
