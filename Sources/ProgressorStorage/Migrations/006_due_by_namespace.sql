-- Machines that become due, by namespace: what is overdue in one is not in the way of another.
-- Beside the traffic: nobody waits for it. Nodes of older versions keep the index that they know.

-- One that is there was built by an attempt that did not get as far as to record it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS machine_due_by_namespace
  ON machine (namespace, due_at, shard, machine_key) WHERE due_at IS NOT NULL;

INSERT INTO schema_migration (number, name) VALUES (6, 'due_by_namespace');
