"""A node with several engines is one node: its limits are those of all together, and whatever is
asked about a namespace is answered for all of them."""

import threading
from collections import Counter

import pytest
from support.client import Gate, fails
from support.metrics import metrics_of
from support.processor import Answer, ScriptedProcessor, timer_in
from support.server import free_port, progressor
from support.stubs import automaton_pb2, namespaces_pb2
from support.waiting import eventually

CORES = 3


@pytest.fixture
def manycore(servers):
    """A server with several engines."""
    return servers("--cores", str(CORES)).start()


class Together:
    """Counts how many invocations of all machines run at one time. The first ones wait until so
    many do."""

    def __init__(self, expected: int):
        self._changed = threading.Condition()
        self._expected = expected
        self._running = 0
        self.most = 0

    def __call__(self, invocation) -> Answer:
        with self._changed:
            self._running += 1
            self.most = max(self.most, self._running)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self._expected, timeout=30)
        answer = Answer(response=invocation.args, events=[invocation.args])
        with self._changed:
            self._running -= 1
        return answer


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_a_limit_on_calls_in_flight_is_the_nodes(manycore, spaces, limit):
    together = Together(limit)
    space = spaces(manycore.client, together, max_in_flight=limit)
    calls = [automaton_pb2.StartRequest(namespace=space.name, id=f"m{n}") for n in range(60)]
    for call in [space.client.automaton.Start.future(request, timeout=60) for request in calls]:
        call.result()
    for _ in range(3):
        for call in [space.call_later(f"m{n}", b"c") for n in range(60)]:
            assert call.result().response == b"c"
    assert together.most == limit, "no more than may, and as many as may"


def test_the_machines_of_one_core_may_have_the_whole_limit(manycore, spaces):
    gate = Gate()
    entered = threading.Semaphore(0)

    def behave(invocation):
        if invocation.kind == "call":
            entered.release()
            gate.wait()
        return Answer(response=b"done")

    space = spaces(manycore.client, behave, max_in_flight=12)
    names = [f"m{n}" for n in range(12 * CORES)]
    for name in names:
        space.start(name)
    # Whichever machines they are, twelve run; then others have their turn.
    calls = [space.call_later(name, b"c") for name in names]
    for _ in range(12):
        assert entered.acquire(timeout=30)
    assert not entered.acquire(timeout=0.3), "no more than may"
    gate.open()
    for call in calls:
        assert call.result().response == b"done"


def test_steps_in_flight_and_a_limit_that_changes_are_the_nodes(manycore, spaces):
    together = Together(1)
    space = spaces(manycore.client, together, limits=namespaces_pb2.Limits(steps_in_flight=1))
    for n in range(20):
        space.start(f"m{n}")
    for call in [space.call_later(f"m{n % 20}", b"c") for n in range(100)]:
        call.result()
    assert together.most == 1


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_limits_below_the_number_of_cores_starve_none_of_them(servers, spaces, limit):
    """Every machine has a call waiting all the time, on four cores, and each is answered again and
    again."""
    server = servers("--cores", "4").start()
    space = spaces(server.client, max_in_flight=limit,
                   limits=namespaces_pb2.Limits(steps_in_flight=limit))
    names = [f"m{n}" for n in range(48)]
    for name in names:
        space.start(name)
    answered = Counter()
    everybody = threading.Event()

    def caller(name):
        while not everybody.is_set():
            space.call_later(name, b"c").result()
            answered[name] += 1

    callers = [threading.Thread(target=caller, args=(name,)) for name in names]
    for thread in callers:
        thread.start()
    try:
        eventually(lambda: min(answered[name] for name in names) >= 10, "each has its turns", 60)
    finally:
        everybody.set()
        for thread in callers:
            thread.join()


def test_one_long_call_leaves_the_rest_of_a_small_limit_to_others(servers, spaces):
    server = servers("--cores", "4").start()
    gate = Gate()

    def behave(invocation):
        if invocation.args == b"long":
            gate.wait()
        return Answer(response=b"done")

    space = spaces(server.client, behave, max_in_flight=2,
                   limits=namespaces_pb2.Limits(steps_in_flight=2))
    for n in range(24):
        space.start(f"m{n}")
    crowd = [space.call_later(f"m{n}", b"c") for n in range(1, 24)]
    long = space.call_later("m0", b"long")
    gate.wait_for_entry()
    for n in range(1, 24):
        crowd += [space.call_later(f"m{n}", b"c") for _ in range(3)]
    for call in crowd:
        assert call.result().response == b"done"
    assert not long.done()
    gate.open()
    assert long.result().response == b"done"


def test_timers_fire_whichever_core_they_are_on(manycore, spaces):
    space = spaces(manycore.client, lambda i: Answer(
        events=[i.kind.encode()], timer=timer_in(0.2) if i.kind == "init" else None))
    for n in range(60):
        space.start(f"m{n}")
    for n in range(60):
        eventually(lambda: space.events(f"m{n}") == [b"init", b"timeout"], "it fires, once")
    assert sum(i.kind == "timeout" for i in space.invocations()) == 60


def test_a_pause_of_the_namespace_waits_for_every_core(manycore, spaces):
    gate = Gate()
    entered = threading.Semaphore(0)

    def behave(invocation):
        if invocation.kind == "call":
            entered.release()
            gate.wait()
        return Answer(response=b"done", events=[b"e"])

    space = spaces(manycore.client, behave)
    for n in range(9):
        space.start(f"m{n}")
    running = [space.call_later(f"m{n}", b"c") for n in range(9)]
    for _ in running:
        assert entered.acquire(timeout=30)
    request = namespaces_pb2.PauseNamespaceRequest(name=space.name, reason="for a while")
    pausing = space.client.namespaces.Pause.future(request, timeout=30)
    named = namespaces_pb2.GetNamespaceRequest(name=space.name)
    eventually(lambda: space.client.namespaces.Get(named).namespace.HasField("paused"),
               "it is stored")
    assert not pausing.done()
    gate.open()
    pausing.result()
    assert [call.result().response for call in running] == [b"done"] * 9
    for n in range(9):
        with fails("UNAVAILABLE", "NAMESPACE_PAUSED"):
            space.call(f"m{n}", b"paused")
    space.resume_all()
    assert [space.call(f"m{n}", b"c") for n in range(9)] == [b"done"] * 9


def test_list_has_the_machines_of_all_cores_in_order_whoever_answers(manycore, spaces):
    space = spaces(manycore.client)
    names = sorted(f"m{n:03}" for n in range(50))
    for name in names:
        space.start(name)
    for _ in range(2 * CORES):
        assert space.ids(page_size=7) == names


def test_metrics_are_of_all_cores_together(servers, spaces):
    address = f"127.0.0.1:{free_port()}"
    server = servers("--cores", str(CORES), "--metrics-listen", address).start()
    space = spaces(server.client)
    for n in range(30):
        space.start(f"m{n}")
    seen = metrics_of(address)
    assert seen.value("progressor_shards_owned") == 1024
    assert seen.value("progressor_machines_resident") == 30
    assert seen.value("progressor_namespace_steps_total", namespace=space.name, step="start",
                      result="committed") == 30
    loops = {dict(labels)["loop"] for name, labels in seen.samples
             if name == "progressor_loop_latency_seconds_count"}
    assert {f"engine-{n + 1}" for n in range(CORES)} <= loops


def test_another_number_of_cores_after_a_kill_finds_everything(servers, spaces):
    server = servers("--cores", "3")
    server.start()
    space = spaces(server.client, lambda i: Answer(
        response=i.args, events=[i.kind.encode()],
        timer=timer_in(2) if i.kind == "init" else None))
    for n in range(30):
        space.start(f"m{n}")
        space.call(f"m{n}", b"c", key="k")
    server.kill()
    server.arguments[server.arguments.index("--cores") + 1] = "2"
    server.start()
    for n in range(30):
        assert space.call(f"m{n}", b"c", key="k") == b"c"
    eventually(lambda: all(len(space.events(f"m{n}")) == 3 for n in range(30)), "timers fire")
    assert all(space.events(f"m{n}") == [b"init", b"call", b"timeout"] for n in range(30))


def test_more_cores_than_shards_serve_all_the_same(servers, spaces):
    server = servers("--cores", "4", environment={"PROGRESSOR_SHARDS": "2"})
    server._template = None
    server.start()
    space = spaces(server.client)
    for n in range(12):
        space.start(f"m{n}")
    assert len(space.ids()) == 12
    assert [space.call(f"m{n}", b"c") for n in range(12)] == [b"c"] * 12


@pytest.mark.parametrize("cores", ["0", "65", "two"])
def test_a_number_of_cores_that_cannot_be_is_refused_by_its_name(cores):
    result = progressor("serve", "--listen", "127.0.0.1:1", "--cores", cores)
    assert result.returncode == 78 and "--cores" in result.stderr and "1 to 64" in result.stderr


@pytest.mark.parametrize("command", [("serve", "--help"), ("settings",)], ids=" ".join)
def test_who_asks_for_help_reads_how_many_cores_there_may_be_and_are(command):
    lines = progressor(*command).stdout.split("cores", 1)[1]
    text = " ".join(lines.split())
    assert "1 to 64" in text and "one for each four processors, at least 1" in text


def test_the_private_database_has_room_for_the_sessions_of_many_cores(servers, spaces):
    server = servers("--cores", "40").start()
    space = spaces(server.client)
    space.start("m", b"x")
    assert space.events("m") == [b"x"]


def test_an_outage_of_a_processor_is_told_once_for_all_cores(manycore, spaces):
    processor = ScriptedProcessor(free_port())
    space = spaces(manycore.client, endpoint=processor.endpoint)
    for n in range(12):
        space.start(f"m{n}")
    processor.stop()
    waiting = [space.call_later(f"m{n}", timeout=30) for n in range(12)]
    eventually(lambda: "the endpoint cannot be reached" in manycore.log.read_text(), "an outage")
    processor = ScriptedProcessor(processor.port)
    for call in waiting:
        call.result()
    eventually(lambda: "the endpoint can be reached again" in manycore.log.read_text(), "its end")
    log = manycore.log.read_text()
    assert log.count("the endpoint cannot be reached") == 1
    assert log.count("the endpoint can be reached again") == 1
    processor.stop()
