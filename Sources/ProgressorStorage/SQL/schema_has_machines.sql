-- Purpose: whether an index of machines would take time to build.
-- Plan: the first row of an index scan.
SELECT EXISTS (SELECT FROM machine);
