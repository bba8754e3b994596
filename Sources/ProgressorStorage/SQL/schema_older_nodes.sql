-- Purpose: how many nodes there are whose program knows no more than an earlier schema. A lease
-- that is over counts: its node can renew it until another one takes it.
-- Parameters: $1 int the schema.
SELECT count(*) FROM node WHERE schema_version < $1;
