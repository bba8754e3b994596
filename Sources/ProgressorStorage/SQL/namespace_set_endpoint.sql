-- Purpose: create a namespace with this endpoint and every default, or change the endpoint of the
-- one that exists and nothing else of it. No row = it has this endpoint already.
-- Parameters: $1 text name, $2 text endpoint.
INSERT INTO namespace AS stored (name, endpoint) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET endpoint = excluded.endpoint, version = stored.version + 1
WHERE stored.endpoint <> excluded.endpoint
RETURNING number;
