-- Purpose: everything that the role of `progressor serve` needs, and no more, when another role has
-- made and migrated the schema. Run it as the owner of the schema, again after each migration:
--   psql -v role=progressor_server -f schema_serving_role.sql DATABASE
-- `progressor database grants ROLE` prints it, and `progressor database migrate --grant-to ROLE`
-- runs it. Where PUBLIC lacks CONNECT on the database, the role needs that, too.
-- Parameters: :"role" the role.
GRANT USAGE ON SCHEMA progressor TO :"role";
GRANT SELECT ON
  progressor.schema_migration, progressor.setting, progressor.repair_job_machine
TO :"role";
GRANT SELECT, UPDATE ON progressor.shard TO :"role";
GRANT SELECT, INSERT, DELETE ON progressor.event TO :"role";
GRANT SELECT, INSERT, UPDATE ON progressor.feed_trimmed TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON
  progressor.node, progressor.writer, progressor.namespace, progressor.machine,
  progressor.notification, progressor.idempotency, progressor.trace, progressor.tombstone,
  progressor.repair_job, progressor.repair_job_failure, progressor.message, progressor.feed,
  progressor.feed_consumer, progressor.feed_cursor, progressor.feed_subscriber
TO :"role";
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA progressor TO :"role";
