-- Purpose: who somebody waits for, for people.
-- Parameters: $1 int[] processes; 0 = a prepared transaction.
-- Result: a text each, those with the oldest transactions first, five at most. Of other roles'
-- sessions an ordinary role sees the name alone.
SELECT CASE WHEN asked.pid = 0 THEN 'a prepared transaction' ELSE
    format('process %s (%s)', asked.pid,
      coalesce(nullif(session.application_name, ''), 'without a name')
      || coalesce(', ' || session.state, ''))
    || coalesce(
      ' for ' || extract(epoch FROM clock_timestamp() - session.xact_start)::bigint || ' s', '')
  END
FROM (SELECT DISTINCT pid FROM unnest($1) AS pid) AS asked
LEFT JOIN pg_stat_activity AS session ON session.pid = asked.pid
ORDER BY session.xact_start NULLS LAST, asked.pid
LIMIT 5;
