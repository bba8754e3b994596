-- Purpose: what is there: the schema, and the table of its version. From the catalog, for which no right
-- on the schema is needed.
SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'progressor'),
  EXISTS (
    SELECT FROM pg_catalog.pg_class AS relation
    JOIN pg_catalog.pg_namespace AS schema ON schema.oid = relation.relnamespace
    WHERE schema.nspname = 'progressor' AND relation.relname = 'schema_migration');
