-- Purpose: which characters the database can hold. Read once at the start: a database that is not
--   in UTF-8 would refuse steps for their texts, and is refused itself.
-- Locks: none. Plan: no table.
SELECT pg_catalog.current_setting('server_encoding')
