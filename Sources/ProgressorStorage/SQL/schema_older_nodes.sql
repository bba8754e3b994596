-- Purpose: how many nodes live whose program knows no more than an earlier schema.
-- Parameters: $1 int the schema.
SELECT count(*) FROM node WHERE expires_at > clock_timestamp() AND schema_version < $1;
