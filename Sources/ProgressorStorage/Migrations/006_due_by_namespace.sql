-- Machines that become due, by namespace: what is overdue in one is not in the way of another.
-- Beside the traffic: nobody waits for it. Nodes of older versions keep the index that they know.

-- What an attempt that was cut short has left behind.
DROP INDEX CONCURRENTLY IF EXISTS machine_due_by_namespace;

CREATE INDEX CONCURRENTLY machine_due_by_namespace
  ON machine (namespace, due_at, shard, machine_key) WHERE due_at IS NOT NULL;

INSERT INTO schema_migration (number, name) VALUES (6, 'due_by_namespace');
