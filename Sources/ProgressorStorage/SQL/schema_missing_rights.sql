-- Purpose: which rights the role lacks of those that a node needs, by what it does with each table.
-- Result: each missing one as text.
-- Locks: none.
WITH needed (name, rights) AS (
  VALUES
    ('schema_migration', 'SELECT'),
    ('setting', 'SELECT,INSERT'),
    ('node', 'SELECT,INSERT,UPDATE,DELETE'),
    ('writer', 'SELECT,INSERT,UPDATE,DELETE'),
    ('shard', 'SELECT,INSERT,UPDATE'),
    ('namespace', 'SELECT,INSERT,UPDATE'),
    ('machine', 'SELECT,INSERT,UPDATE,DELETE'),
    ('event', 'SELECT,INSERT,DELETE'),
    ('notification', 'SELECT,INSERT,UPDATE,DELETE'),
    ('idempotency', 'SELECT,INSERT,UPDATE,DELETE'),
    ('tombstone', 'SELECT,INSERT,UPDATE,DELETE'),
    ('repair_job', 'SELECT,INSERT,UPDATE,DELETE'),
    ('repair_job_failure', 'SELECT,INSERT,UPDATE,DELETE'),
    ('repair_job_machine', 'SELECT')
)
SELECT format('%s on the table %s', privilege, needed.name)
FROM needed
CROSS JOIN LATERAL unnest(string_to_array(needed.rights, ',')) AS privilege
WHERE has_table_privilege(to_regclass('progressor.' || needed.name), privilege) IS NOT TRUE
UNION ALL
SELECT format('EXECUTE on the function %s', function.oid::regprocedure)
FROM pg_proc AS function
WHERE function.pronamespace = 'progressor'::regnamespace
  AND function.proname IN (
    'fence', 'expect', 'lock_own_lease', 'take_over', 'claim_shards', 'release_lease',
    'sweep_removed_machines', 'probe_writing')
  AND NOT has_function_privilege(function.oid, 'EXECUTE');
