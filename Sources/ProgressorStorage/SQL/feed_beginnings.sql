-- Purpose: up to which numbers entries of some namespaces are gone.
-- Parameters: $1 text[] the namespaces, empty = all.
-- Result: per shard of which something is gone its number, and that of the newest such entry.
SELECT shard, max(sequence)
FROM feed_trimmed
WHERE $1::text[] = '{}' OR namespace = ANY ($1::text[])
GROUP BY shard;
