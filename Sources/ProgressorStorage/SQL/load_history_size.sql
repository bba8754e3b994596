-- Purpose: how many bytes a piece of a long history has, without reading a body. 16 bytes are added
-- per event, the least that it takes in a message beside its body.
-- Parameters: $1 int shard, $2 int8 machine key, $3 int8 first, $4 int8 last event.
-- Plan: index scan of event_pkey.
SELECT coalesce(sum(octet_length(event.data) + 16), 0)::bigint
FROM event
WHERE event.shard = $1 AND event.machine_key = $2 AND event.id BETWEEN $3 AND $4;
