-- Repairs of many machines, as jobs. Which machines a job has still to repair is not stored: they
-- are those that failed within its span of time, are failed still, and are none of its failures.

CREATE TABLE repair_job (
  number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  id text COLLATE "C" NOT NULL UNIQUE CHECK (octet_length(id) BETWEEN 1 AND 256),
  namespace int NOT NULL,
  failed_since timestamptz NOT NULL,
  -- As asked; NULL = until the job was created.
  failed_until timestamptz,
  id_prefix text COLLATE "C" NOT NULL,
  failure_contains text COLLATE "C" NOT NULL,
  -- NULL = a simple repair.
  processor_args bytea,
  rate int NOT NULL,
  dry_run boolean NOT NULL,
  reason text NOT NULL,
  requested_by text NOT NULL,
  created_at timestamptz NOT NULL,
  -- Counted by the transaction that creates the job, NULL before that.
  matched bigint,
  -- 1 running, 2 completed, 3 cancelled.
  state int NOT NULL CHECK (state BETWEEN 1 AND 3),
  -- When it ended, and what it had left and failed to repair then; all NULL while it runs.
  finished_at timestamptz,
  remaining bigint,
  failed bigint,
  CHECK ((state = 1) = (finished_at IS NULL))
);

CREATE INDEX repair_job_running ON repair_job (number) WHERE state = 1;

-- Machines that a job has tried in vain and does not try again.
CREATE TABLE repair_job_failure (
  shard int NOT NULL,
  job bigint NOT NULL,
  machine_id text COLLATE "C" NOT NULL,
  code int NOT NULL,
  reason text NOT NULL,
  message text NOT NULL,
  tried_at timestamptz NOT NULL,
  PRIMARY KEY (shard, job, machine_id)
);

CREATE INDEX repair_job_failure_by_job ON repair_job_failure (job, machine_id);

-- Failed machines in the order in which they failed. As no machine fails or is repaired without
-- leaving or entering `machine_failed`, it makes no other update dearer.
CREATE INDEX machine_failed_at ON machine (namespace, failed_at, shard, machine_key)
  WHERE failed_at IS NOT NULL;

-- What each job has still to repair. An end that is absent, or later than the job, is its creation.
CREATE VIEW repair_job_machine AS
SELECT job.number AS job, machine.shard, machine.machine_key
FROM repair_job AS job
JOIN machine ON machine.namespace = job.namespace
  AND machine.failed_at IS NOT NULL
  AND machine.failed_at >= job.failed_since
  AND machine.failed_at <= least(job.failed_until, job.created_at)
  AND starts_with(machine.id, job.id_prefix)
  AND strpos(machine.failure_reason COLLATE "C", job.failure_contains) > 0
WHERE NOT EXISTS (
  SELECT FROM repair_job_failure AS failure
  WHERE failure.shard = machine.shard AND failure.job = job.number
    AND failure.machine_id = machine.id
);

INSERT INTO schema_migration (number, name) VALUES (4, 'repair_jobs');
