-- Purpose: look ahead among the machines of a namespace that have something to do by themselves,
-- oldest first.
-- Parameters: $1 uuid node, $2 int namespace, $3 timestamptz, $4 int, $5 int8 behind this due time,
-- shard and machine key (a time NULL = from the first), $6 timestamptz due at the latest, $7 int
-- look at so many at most, $8 int, $9 int of the shards that leave, divided by $8, the rest $9.
-- Result: the place of each machine, and its id; NULL = its shard is another one's. If there are
-- as many rows as may be looked at, there may be more. An infinite due time is none: such a row is
-- damaged, which is found out when it is asked for.
-- Plan: index scan of machine_due_by_namespace in its order, without a sort; shard_pkey per row. A
-- subquery, not a join: that could be planned to begin at the other end. The lower bound of the
-- time is said twice: two bounds make the range look small. The rest is no condition of the scan:
-- what a query looks at has a bound, whatever it finds.
SELECT machine.due_at, machine.shard, machine.machine_key,
  CASE WHEN machine.shard % $8 = $9
    AND (SELECT shard.owner FROM shard WHERE shard.shard = machine.shard) = $1
    THEN machine.id END
FROM machine
WHERE machine.namespace = $2 AND machine.due_at IS NOT NULL
  AND (machine.due_at, machine.shard, machine.machine_key)
    > (coalesce($3::timestamptz, '-infinity'), $4, $5)
  AND machine.due_at >= coalesce($3::timestamptz, '-infinity') AND machine.due_at <= $6
ORDER BY machine.due_at, machine.shard, machine.machine_key
LIMIT $7;
