"""`progressor machine repair --failed-since` and `progressor repair-job`."""

import json
import subprocess

import pytest
from support.repairs import COMPLETED, Mendable, ended, fail, failed, get
from support.server import BINARY, clean_environment, progressor
from support.waiting import eventually


@pytest.fixture
def mendable() -> Mendable:
    return Mendable()


@pytest.fixture
def space(client, spaces, mendable):
    return spaces(client, mendable)


@pytest.fixture
def repair(server, space):
    """Runs `progressor machine repair` in the test's namespace."""
    def run(*arguments: str, status: int = 0):
        result = progressor("machine", "repair", "--server", server.address, "--namespace",
                            space.name, *arguments)
        assert result.returncode == status, result
        return result
    return run


@pytest.fixture
def job(server):
    """Runs `progressor repair-job`."""
    def run(*arguments: str, status: int = 0):
        result = progressor("repair-job", *arguments, "--server", server.address)
        assert result.returncode == status, result
        return result
    return run


def follow(server, space, *arguments: str) -> subprocess.Popen:
    """A repair of many machines that is still running."""
    return subprocess.Popen(
        [str(BINARY), "machine", "repair", "--server", server.address, "--namespace", space.name,
         "--failed-since", "1h", "--reason", "r", *arguments],
        env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_repairing_many_machines(repair, job, space, mendable):
    ids = [f"m{n}" for n in range(8)]
    fail(space, ids)
    mendable.broken = False
    dry = repair("--failed-since", "1h", "--reason", "a bug", "--dry-run")
    assert sorted(line.split("\t")[0] for line in dry.stdout.splitlines()) == ids
    assert len(dry.stdout.splitlines()) == 8 and "8 would be repaired" in dry.stderr
    assert failed(space) == set(ids)
    done = repair("--failed-since", "1h", "--reason", "a bug", "--requested-by", "ann")
    assert "8 of 8 repaired, 0 failed, 0 remaining" in done.stdout
    assert "repair-job follow" in done.stderr and "repair-job cancel" in done.stderr
    assert failed(space) == set()
    rows = job("list", "--namespace", space.name).stdout.splitlines()
    assert len(rows) == 2 and "ann" in rows[0] and "a bug" in rows[0]
    assert len(job("list", "--namespace", space.name, "--limit", "1").stdout.splitlines()) == 1


def test_failures_are_the_exit_status(repair, job, space, mendable):
    fail(space, ["good", "bad"])
    mendable.hopeless = {"bad"}
    done = repair("--failed-since", "1h", "--reason", "r", "--processor-args", "x", "--json",
                  status=1)
    shown = json.loads(done.stdout)
    assert (shown["repaired"], shown["failed"], shown["remaining"]) == ("1", "1", "0")
    assert shown["state"] == "REPAIR_JOB_STATE_COMPLETED"
    assert shown["spec"]["processor"]["argsText"] == "x"
    assert "bad" in done.stderr and "beyond repair" in done.stderr
    found = json.loads(job("failures", shown["id"], "--json").stdout)["failures"]
    assert [failure["machineId"] for failure in found] == ["bad"]
    assert "bad" in job("failures", shown["id"]).stdout
    assert job("remaining", shown["id"]).stdout == ""
    assert "1 of 2 repaired" in job("get", shown["id"]).stdout
    job("follow", shown["id"], status=1)


def test_a_job_can_be_left_alone_and_cancelled(repair, job, space, client, mendable):
    fail(space, [f"m{n}" for n in range(20)])
    mendable.broken = False
    id = repair("--failed-since", "1h", "--reason", "r", "--rate", "1", "--detach").stdout.strip()
    assert get(client, id).spec.rate == 1 and get(client, id).spec.requested_by
    assert "cancelled" in job("cancel", id).stdout
    assert ended(client, id).remaining > 10
    assert "was cancelled" in job("follow", id, status=1).stderr


def test_an_interrupt_leaves_the_job_running(server, space, client, mendable):
    fail(space, [f"m{n}" for n in range(6)])
    mendable.broken = False
    following = follow(server, space, "--rate", "2", "--job-id", space.name)
    lines = iter(following.stderr.readline, "")
    eventually(lambda: "of 6 repaired" in next(lines), "it shows progress")
    following.send_signal(2)
    _, errors = following.communicate(timeout=15)
    assert following.returncode == 130
    assert "The job goes on." in errors and f"repair-job follow {space.name}" in errors
    job = ended(client, space.name)
    assert job.state == COMPLETED and job.repaired == 6


def test_following_outlives_the_server(servers, spaces, mendable):
    server = servers().start()
    space = spaces(server.client, mendable)
    fail(space, [f"m{n:02}" for n in range(30)])
    mendable.broken = False
    following = follow(server, space, "--rate", "10")
    lines = iter(following.stderr.readline, "")
    eventually(lambda: "of 30 repaired" in next(lines), "it shows progress")
    server.kill()
    eventually(lambda: "does not answer" in next(lines), "it notices")
    server.start()
    output, errors = following.communicate(timeout=60)
    assert following.returncode == 0, errors
    assert "30 of 30 repaired" in output


@pytest.mark.parametrize(("arguments", "message"), [
    ([], "--failed-since"),
    (["m", "--failed-since", "1h", "--reason", "r"], "not both"),
    (["m", "--rate", "5"], "--rate"),
    (["m", "--dry-run"], "--dry-run"),
    (["--failed-since", "1h"], "--reason"),
    (["--failed-since", "yesterday", "--reason", "r"], "--failed-since"),
    (["--failed-since", "1h", "--failed-until", "soon", "--reason", "r"], "--failed-until"),
    (["--failed-since", "1h", "--reason", "r", "--rate", "0"], "--rate"),
    (["--failed-since", "1h", "--reason", "r", "--rate", "10001"], "--rate"),
    (["--failed-since", "1h", "--reason", "r", "--id-prefix", "x" * 257], "--id-prefix"),
    (["--failed-since", "1h", "--reason", "r", "--key", "k"], "--processor-args"),
    (["--failed-since", "1h", "--reason", "r", "--job-id", "a\nb"], "--job-id"),
    (["--failed-since", "2026-11-25T00:00:00Z", "--failed-until", "2026-11-24T00:00:00Z",
      "--reason", "r"], "--failed-until"),
])
def test_mistakes_name_the_flag(repair, arguments, message):
    assert message in repair(*arguments, status=64).stderr


def test_jobs_that_are_not_there(job, repair, space):
    assert "repair-job list" in job("get", "no-such-job", status=3).stderr
    repair("--failed-since", "1h", "--reason", "r", "--job-id", space.name)
    again = repair("--failed-since", "1h", "--reason", "other", "--job-id", space.name, status=4)
    assert "ALREADY_EXISTS" in again.stderr and "--job-id" in again.stderr
