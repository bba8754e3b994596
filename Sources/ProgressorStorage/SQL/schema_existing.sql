-- Purpose: what is there: the schema, whether the role may use it, and the table of its version.
-- From the catalog, for which no right on the schema is needed.
SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'progressor'),
  coalesce((
    SELECT has_schema_privilege(oid, 'USAGE')
    FROM pg_catalog.pg_namespace WHERE nspname = 'progressor'), true),
  EXISTS (
    SELECT FROM pg_catalog.pg_class AS relation
    JOIN pg_catalog.pg_namespace AS schema ON schema.oid = relation.relnamespace
    WHERE schema.nspname = 'progressor' AND relation.relname = 'schema_migration');
