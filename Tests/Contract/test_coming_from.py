"""Processes of valitydev/progressor are taken over by packaging/coming-from."""

import subprocess

from support.postgres import _programs
from support.processor import Answer
from support.stubs import ROOT
from support.transfer import machine
from support.waiting import eventually

# As its priv/schemas/postgres-schema.sql has it, of a namespace `pay`.
SCHEMA = """
CREATE TYPE process_status AS ENUM ('init', 'running', 'error');
CREATE TYPE task_status AS ENUM ('waiting', 'running', 'blocked', 'error', 'finished', 'cancelled');
CREATE TYPE task_type AS ENUM ('init', 'timeout', 'call', 'notify', 'repair', 'remove');
CREATE TABLE pay_processes (process_id varchar(80) PRIMARY KEY, status process_status NOT NULL,
  detail text, aux_state bytea, created_at timestamptz NOT NULL DEFAULT now(), metadata jsonb,
  corrupted_by bigint);
CREATE TABLE pay_tasks (task_id bigserial PRIMARY KEY, process_id varchar(256) NOT NULL,
  task_type task_type NOT NULL, status task_status NOT NULL, scheduled_time timestamptz NOT NULL,
  running_time timestamptz, finished_time timestamptz, args bytea, metadata jsonb,
  idempotency_key varchar(80) UNIQUE, response bytea, blocked_task bigint,
  last_retry_interval int NOT NULL, attempts_count smallint NOT NULL, context bytea);
CREATE TABLE pay_schedule (task_id bigint PRIMARY KEY, process_id varchar(80) NOT NULL,
  task_type task_type NOT NULL, status task_status NOT NULL, scheduled_time timestamptz NOT NULL,
  args bytea, metadata jsonb, last_retry_interval int NOT NULL, attempts_count smallint NOT NULL,
  context bytea);
CREATE TABLE pay_events (process_id varchar(80) NOT NULL, task_id bigint NOT NULL,
  event_id smallint NOT NULL, "timestamp" timestamptz DEFAULT now(), metadata jsonb,
  payload bytea NOT NULL, PRIMARY KEY (process_id, event_id));
INSERT INTO pay_processes VALUES
  ('works', 'running', NULL, '\\x00ff', '2020-01-02', '{"format": 3}', NULL),
  ('timed', 'running', NULL, NULL, '2020-01-02', NULL, NULL),
  ('é broken', 'error', 'it "broke"', NULL, '2020-01-02', NULL, 7),
  ('unborn', 'init', NULL, NULL, '2020-01-02', NULL, NULL);
INSERT INTO pay_tasks (task_id, process_id, task_type, status, scheduled_time, finished_time,
  last_retry_interval, attempts_count)
  VALUES (7, 'é broken', 'timeout', 'error', '2020-01-04', '2020-01-05', 0, 3);
INSERT INTO pay_schedule VALUES
  (8, 'timed', 'timeout', 'waiting', '2020-01-06', NULL, NULL, 0, 0, NULL);
INSERT INTO pay_events VALUES
  ('works', 1, 1, '2020-01-01', '{"format": 2}', '\\x00'), ('works', 1, 2, '2020-01-03', NULL, 'b'),
  ('works', 1, 5, '2020-01-02', NULL, decode(repeat('ab', 500), 'hex'));
"""


def test_processes_of_the_other_progressor_go_on_here(server, spaces, client, postgres):
    target = spaces(client, lambda invocation: Answer(events=[invocation.kind.encode()]))
    postgres.sql(SCHEMA)
    lines = subprocess.run(
        [str(_programs() / "psql"), "-At", "-v", "ns=pay", "-f",
         str(ROOT / "packaging" / "coming-from" / "progressor.sql"), postgres.url],
        capture_output=True, text=True, timeout=60)
    assert lines.returncode == 0, lines.stderr
    said = machine(server, target, "import", input=lines.stdout).stderr
    assert "imported 3 machines, 3 events" in said
    works = target.get("works")
    assert [(e.body.format_version, e.body.data) for e in works.history] == [
        (2, b"\0"), (0, b"b"), (0, b"\xab" * 500)]
    assert (works.aux_state.format_version, works.aux_state.data) == (3, b"\0\xff")
    assert works.created_at.ToJsonString().startswith("2020-01-01")
    eventually(lambda: target.events("timed") == [b"timeout"], "its timer fires")
    broken = target.get("é broken")
    assert broken.status.failed.reason == 'it "broke"' and broken.status.failed.attempts == 3
    target.simple_repair("é broken")
    eventually(lambda: target.events("é broken") == [b"timeout"], "what failed runs again")
