-- Purpose: create a namespace with this endpoint and every default, or change the endpoint of the
-- one that exists and nothing else of it. No row = it has this endpoint already. What stands before
-- an endpoint with TLS (StoredEndpoint) stays: tls|CA|CERTIFICATE|KEY|NAME|
-- Parameters: $1 text name, $2 text endpoint.
INSERT INTO namespace AS stored (name, endpoint) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET
  endpoint = coalesce(substring(stored.endpoint FROM '^tls(?:\|[^|]*){4}\|'), '')
    || excluded.endpoint,
  version = stored.version + 1
WHERE stored.endpoint <>
  coalesce(substring(stored.endpoint FROM '^tls(?:\|[^|]*){4}\|'), '') || excluded.endpoint
RETURNING number;
