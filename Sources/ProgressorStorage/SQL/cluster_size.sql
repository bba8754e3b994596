-- Purpose: bytes of the database on disk. It looks at each of its files.
SELECT pg_database_size(current_database());
