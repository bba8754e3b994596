-- Purpose: which rights the role lacks of those that a node needs, by what it does with each table.
-- `schema_serving_role` grants just these.
-- Result: each missing one as text. On every column is as good as on the table.
-- Locks: none.
WITH needed (name, rights) AS (
  VALUES
    ('schema_migration', 'SELECT'),
    ('setting', 'SELECT'),
    ('node', 'SELECT,INSERT,UPDATE,DELETE'),
    ('writer', 'SELECT,INSERT,UPDATE,DELETE'),
    ('shard', 'SELECT,UPDATE'),
    ('namespace', 'SELECT,INSERT,UPDATE,DELETE'),
    ('machine', 'SELECT,INSERT,UPDATE,DELETE'),
    ('event', 'SELECT,INSERT,DELETE'),
    ('notification', 'SELECT,INSERT,UPDATE,DELETE'),
    ('idempotency', 'SELECT,INSERT,UPDATE,DELETE'),
    ('trace', 'SELECT,INSERT,UPDATE,DELETE'),
    ('message', 'SELECT,INSERT,UPDATE,DELETE'),
    ('feed', 'SELECT,INSERT,UPDATE,DELETE'),
    ('feed_trimmed', 'SELECT,INSERT,UPDATE'),
    ('feed_consumer', 'SELECT,INSERT,UPDATE,DELETE'),
    ('feed_cursor', 'SELECT,INSERT,UPDATE,DELETE'),
    ('feed_subscriber', 'SELECT,INSERT,UPDATE,DELETE'),
    ('tombstone', 'SELECT,INSERT,UPDATE,DELETE'),
    ('repair_job', 'SELECT,INSERT,UPDATE,DELETE'),
    ('repair_job_failure', 'SELECT,INSERT,UPDATE,DELETE'),
    ('repair_job_machine', 'SELECT')
)
SELECT CASE
    WHEN columns.has_some THEN
      format('%s on %s of the table %s', privilege, columns.lacking, needed.name)
    ELSE format('%s on the table %s', privilege, needed.name)
  END
FROM needed
CROSS JOIN LATERAL unnest(string_to_array(needed.rights, ',')) AS privilege
CROSS JOIN LATERAL to_regclass('progressor.' || needed.name) AS relation
CROSS JOIN LATERAL (
  SELECT bool_or(has_it) AS has_some,
    string_agg(attname, ', ' ORDER BY attnum) FILTER (WHERE NOT has_it) AS lacking
  FROM (
    -- There is no DELETE on a column.
    SELECT attname, attnum,
      CASE WHEN privilege = 'DELETE' THEN false
        ELSE has_column_privilege(relation::oid, attnum, privilege) END AS has_it
    FROM pg_attribute
    WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
  ) AS attribute
) AS columns
-- One that is not there yet lacks nothing.
WHERE relation IS NOT NULL AND has_table_privilege(relation, privilege) IS NOT TRUE
  AND (columns.has_some IS NOT TRUE OR columns.lacking IS NOT NULL)
UNION ALL
SELECT format('EXECUTE on the function %s', function.oid::regprocedure)
FROM pg_proc AS function
WHERE function.pronamespace = 'progressor'::regnamespace
  AND function.proname IN (
    'fence', 'expect', 'lock_own_lease', 'take_over', 'claim_shards', 'release_lease',
    'sweep_removed_machines', 'probe_writing', 'hold_namespaces')
  AND NOT has_function_privilege(function.oid, 'EXECUTE');
