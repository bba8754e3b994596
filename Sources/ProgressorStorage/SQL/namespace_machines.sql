-- Purpose: how many machines a namespace has, and whether it may be deleted otherwise.
-- Parameters: $1 text name, $2 int8 count no more, $3 int the first schema whose nodes hold the
-- namespaces in which they start machines.
-- Result: number, machines, whether an older node has a lease, who should get a message of one of
-- its machines that is not delivered. No row = there is none of this name.
-- Plan: namespace_name_key, then machine_namespace_id_shard_key up to the last one that counts. In
-- its order: else the table might be read, where few namespaces have many machines.
SELECT namespace.number,
  (SELECT count(*) FROM (
    SELECT machine.id FROM machine
    WHERE machine.namespace = namespace.number
    ORDER BY machine.namespace, machine.id
    LIMIT $2) AS counted),
  EXISTS (SELECT FROM node WHERE node.schema_version < $3),
  waiting.target_namespace, waiting.target
FROM namespace
LEFT JOIN LATERAL (
  SELECT message.target_namespace, message.target FROM message
  WHERE message.namespace = namespace.number
  LIMIT 1
) AS waiting ON true
WHERE namespace.name = $1;
