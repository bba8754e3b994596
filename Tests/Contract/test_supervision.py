"""systemd and its kin: `Type=notify`, the watchdog, and what the server says of itself."""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.processes import postmasters
from support.supervisor import Supervisor
from support.waiting import eventually

PTRACE_ATTACH, PTRACE_DETACH = 16, 17
WALL = 0x40000000


@pytest.fixture(params=["path", "abstract"])
def supervisor(request) -> Iterator[Supervisor]:
    supervisor = Supervisor(abstract=request.param == "abstract")
    yield supervisor
    supervisor.close()


@pytest.fixture
def manager() -> Iterator[Supervisor]:
    supervisor = Supervisor()
    yield supervisor
    supervisor.close()


@pytest.fixture
def supervised(servers) -> Callable:
    """A server of a service manager's, not started yet."""
    def make(manager: Supervisor, *arguments: str, watchdog: float = 0, **options):
        return servers(*arguments, environment=manager.environment(watchdog), **options)
    return make


def test_from_the_start_to_the_end(supervised, supervisor):
    server = supervised(supervisor).start()
    supervisor.wait_for("READY=1")
    served = supervisor.wait_for("STATUS=serving on")
    assert server.address in served and "1024 shards" in served
    assert supervisor.states() == ["READY=1"]
    assert not supervisor.said("WATCHDOG"), "nobody asked for it"
    assert server.terminate() == 0
    assert supervisor.states() == ["READY=1", "STOPPING=1"]
    assert {pid for pid, _ in supervisor.messages} == {server.pid}


def test_it_is_ready_when_it_listens(supervised, manager):
    """And not before: who starts after it can connect."""
    server = supervised(manager).start(wait=False)
    eventually(lambda: "starting" in server.log.read_text(), "it starts")
    manager.wait_for("READY=1", timeout=60)
    assert eventually(server.client.serving, "it serves")
    assert manager.messages[0][1].startswith(("STATUS=the server is starting", "READY=1"))


def test_a_start_that_takes_long_asks_for_time(supervised, manager):
    """The database is not there, and may come within start_timeout."""
    server = supervised(manager, "--database-url", "postgresql://127.0.0.1:1/none",
                        embedded=False).start(wait=False)
    assert int(manager.wait_for("EXTEND_TIMEOUT_USEC=").split("=")[1]) >= 20_000_000
    assert not manager.said("READY")
    server.send_signal(signal.SIGTERM)
    assert server.wait() == 0
    assert manager.states() == ["STOPPING=1"]


def test_why_it_cannot_run(supervised, manager, tmp_path):
    server = supervised(manager, "--migrate", "never", "--listen", "192.0.2.1:1", "--insecure")
    server.start(wait=False)
    assert server.wait() == 73
    assert "192.0.2.1" in manager.wait_for("STATUS=")
    assert not manager.said("READY")


def test_a_reload(supervised, manager):
    """As Type=notify-reload wants it: what is told after the signal is not older than it."""
    server = supervised(manager)
    path = server.directory / "progressor.yaml"
    server.arguments += ["--config", str(path)]
    path.write_text("")
    server.start()
    manager.wait_for("READY=1")
    for text in ("", "lease: soon\n"):
        path.write_text(text)
        before, told = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000, len(manager.states())
        server.send_signal(signal.SIGHUP)
        eventually(lambda: len(manager.states()) == told + 2, "it was told", timeout=30)
        assert manager.states()[-2:] == ["RELOADING=1", "READY=1"]
        reloading = manager.said("RELOADING=1")[-1].splitlines()
        assert before <= int(reloading[1].removeprefix("MONOTONIC_USEC="))
    assert server.terminate() == 0


def test_a_standby_is_ready_too(node, manager):
    """It listens, and is there to take over; its status says what it is."""
    node().start()
    standby = node()
    standby._environment |= manager.environment()
    standby.start(wait=False)
    manager.wait_for("READY=1", timeout=60)
    eventually(lambda: "not serving: standby" in "".join(manager.said("STATUS=")),
               "the status says so", timeout=30)
    assert not standby.client.serving()


def test_the_watchdog_hears_of_a_server_that_lives(supervised, manager):
    server = supervised(manager, watchdog=3).start()
    manager.wait_for("WATCHDOG=1", count=3)
    assert manager.messages.index((server.pid, "READY=1")) \
        < manager.messages.index((server.pid, "WATCHDOG=1"))
    assert server.terminate() == 0


def threads(pid: int) -> list[int]:
    """Those of event loops."""
    return [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()
            if (task / "comm").read_text().startswith("NIO-ELT")]


def test_the_watchdog_hears_nothing_of_one_whose_loop_is_stuck(supervised, manager):
    """All other threads go on: it is the loop that counts."""
    server = supervised(manager, watchdog=0.6).start()
    manager.wait_for("WATCHDOG=1")
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    stuck = threads(server.pid)[0]
    if ptrace(PTRACE_ATTACH, stuck, None, None) != 0:
        pytest.skip("no other process may be traced here")
    os.waitpid(stuck, WALL)
    manager.read()
    count, end = len(manager.said("WATCHDOG=1")), time.monotonic() + 3

    def over() -> bool:
        # What was on its way when the thread stopped may come.
        assert len(manager.said("WATCHDOG=1")) <= count + 2, "it lives"
        return time.monotonic() > end

    while not over():
        eventually(over, "it says nothing", timeout=10)
    ptrace(PTRACE_DETACH, stuck, None, None)
    manager.wait_for("WATCHDOG=1", count=count + 3)
    assert server.terminate() == 0


def test_a_watchdog_that_is_meant_for_another_process(supervised, manager):
    server = supervised(manager, watchdog=0.3)
    server._environment["WATCHDOG_PID"] = "1"
    server.start()
    manager.wait_for("STATUS=serving")
    assert not manager.said("WATCHDOG")


def test_children_are_told_of_no_manager(supervised, manager):
    server = supervised(manager, watchdog=5).start()
    for postmaster in postmasters(server.data):
        assert b"NOTIFY_SOCKET" not in Path(f"/proc/{postmaster}/environ").read_bytes()
    assert postmasters(server.data)


def test_a_manager_that_does_not_read_holds_up_nothing(supervised, manager):
    manager.fill()
    server = supervised(manager, watchdog=1).start()
    for _ in range(3):
        server.send_signal(signal.SIGHUP)
    assert server.client.serving()
    manager.wait_for("WATCHDOG=1")
    states = manager.states()
    assert states[0] == "READY=1" == states[-1], "what counts was kept"
    assert states[1:-1:2] == ["RELOADING=1"] * (len(states) // 2)
    assert server.terminate() == 0


@pytest.mark.parametrize("address", ["notify", "vsock:2:9999", "/" + "x" * 200, "@"])
def test_a_manager_that_cannot_be_told(servers, address):
    server = servers(environment={"NOTIFY_SOCKET": address}).start()
    server.says("NOTIFY_SOCKET is no path")
    assert server.terminate() == 0


def test_a_manager_that_is_gone(servers):
    server = servers(environment={"NOTIFY_SOCKET": "/nowhere/notify"}).start()
    told = "the service manager cannot be told"
    assert server.says(told).count(told) == 1
    assert server.terminate() == 0
