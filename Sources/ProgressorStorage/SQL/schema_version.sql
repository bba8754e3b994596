-- Purpose: which migrations were applied, ascending.
SELECT number FROM schema_migration ORDER BY number;
