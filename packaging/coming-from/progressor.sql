-- Purpose: the processes of a namespace of valitydev/progressor as JSON lines for
-- `progressor machine import`. Stop the service first: nothing that runs is taken over half done.
-- Use: psql -At -v ns=NAMESPACE -f progressor.sql DATABASE-URL > machines.jsonl
-- Result: a line for each process, each event and each end. Events are numbered anew from 1, their
-- times never go back. A process in `init` is left out: it was never started. Tasks of calls and
-- their idempotency keys stay behind; a timer that waits goes along, also the one that failed.
\set processes :ns _processes
\set events :ns _events
\set tasks :ns _tasks
\set schedule :ns _schedule
\set ON_ERROR_STOP on
WITH process AS (
  SELECT process.*, task.task_type AS failed_type, task.finished_time AS failed_time,
    task.scheduled_time AS failed_at_time, task.attempts_count AS failed_attempts
  FROM :"processes" AS process
  LEFT JOIN :"tasks" AS task ON task.task_id = process.corrupted_by
  WHERE process.status <> 'init'
), event AS (
  SELECT process_id, row_number() OVER w AS id, max("timestamp") OVER w AS at,
    coalesce((metadata ->> 'format')::int, (metadata ->> 'format_version')::int, 0) AS format,
    payload
  FROM :"events"
  WINDOW w AS (PARTITION BY process_id ORDER BY event_id)
), history AS (
  SELECT process_id, max(id) AS last, min(at) AS first_at, max(at) AS last_at
  FROM event GROUP BY process_id
), timer AS (
  SELECT DISTINCT ON (process_id) process_id, scheduled_time
  FROM :"schedule"
  WHERE task_type = 'timeout' AND status IN ('waiting', 'blocked')
  ORDER BY process_id, task_id DESC
), line AS (
  SELECT process.process_id, 0 AS part, 0::bigint AS id, json_build_object('machine',
    json_strip_nulls(json_build_object(
      'version', 1,
      'id', process.process_id,
      'createdAt', least(process.created_at, history.first_at),
      'failed', CASE WHEN process.status = 'error' THEN json_build_object(
        'reason', left(coalesce(process.detail, ''), 1000),
        'failedAt', coalesce(process.failed_time, history.last_at, process.created_at),
        'stepKind', CASE process.failed_type
          WHEN 'init' THEN 'STEP_KIND_START' WHEN 'timeout' THEN 'STEP_KIND_TIMEOUT'
          WHEN 'repair' THEN 'STEP_KIND_REPAIR' ELSE 'STEP_KIND_CALL' END,
        'code', 2, 'attempts', greatest(1, coalesce(process.failed_attempts, 1))) END,
      'auxState', CASE WHEN process.aux_state IS NOT NULL THEN json_build_object(
        'formatVersion', coalesce((process.metadata ->> 'format')::int, 0),
        'data', translate(encode(process.aux_state, 'base64'), E'\n', '')) END,
      'timer', CASE
        WHEN process.status = 'error' AND process.failed_type = 'timeout'
          THEN json_build_object('firesAt', process.failed_at_time)
        WHEN timer.scheduled_time IS NOT NULL
          THEN json_build_object('firesAt', timer.scheduled_time) END,
      'lastEventId', coalesce(history.last, 0)))) AS text
  FROM process
  LEFT JOIN history USING (process_id)
  LEFT JOIN timer USING (process_id)
  UNION ALL
  SELECT event.process_id, 1, event.id, json_build_object('event', json_build_object(
    'id', event.id, 'createdAt', event.at, 'body', json_build_object(
      'formatVersion', event.format,
      'data', translate(encode(event.payload, 'base64'), E'\n', ''))))
  FROM event JOIN process USING (process_id)
  UNION ALL
  SELECT process_id, 2, 0, json_build_object('end', json_build_object('id', process_id))
  FROM process
)
SELECT text FROM line ORDER BY process_id COLLATE "C", part, id;
