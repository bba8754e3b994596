-- Purpose: a new repair job, whose machines repair_job_count counts in the same transaction.
-- Nothing happens when there is a job of this id, or no namespace of this name. One that is being
-- deleted is waited for.
-- Parameters: $1 text id, $2 text namespace, $3 timestamptz, $4 timestamptz failed since, until,
-- $5 text id prefix, $6 text part of the failure's reason, $7 bytea args of the processor's repair,
-- $8 int rate, $9 bool dry run, $10 text reason, $11 text requested by, $12 timestamptz now,
-- $13 text who asks, as the server knows it.
INSERT INTO repair_job (
  id, namespace, failed_since, failed_until, id_prefix, failure_contains, processor_args, rate,
  dry_run, reason, requested_by, created_at, state, principal)
SELECT $1, namespace.number, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, $13
FROM namespace
WHERE namespace.name = $2
FOR KEY SHARE OF namespace
ON CONFLICT (id) DO NOTHING;
