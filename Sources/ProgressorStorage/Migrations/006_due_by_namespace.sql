-- Machines that become due, by namespace: what is overdue in one is not in the way of another.

DROP INDEX machine_due;
CREATE INDEX machine_due ON machine (namespace, due_at, shard, machine_key)
  WHERE due_at IS NOT NULL;

INSERT INTO schema_migration (number, name) VALUES (6, 'due_by_namespace');
