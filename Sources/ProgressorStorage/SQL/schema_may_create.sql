-- Purpose: whether the role may make the schema.
SELECT has_database_privilege(current_database(), 'CREATE');
