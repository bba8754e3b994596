"""A processor that is away for long fails no machine, and gets its backlog at the rate it takes."""

import threading
import time

import grpc
import pytest
from support.client import duration, fails, history
from support.processor import Answer, Refusal, ScriptedProcessor, timer_in
from support.server import free_port
from support.stubs import automaton_pb2, namespaces_pb2, types_pb2
from support.waiting import eventually

MACHINES = 200
IN_FLIGHT = 4


@pytest.fixture
def port():
    return free_port()


class Counting:
    """Counts how many invocations run at once; each takes a moment."""

    def __init__(self):
        self.most = self.running = 0
        self._lock = threading.Condition()

    def __call__(self, i) -> Answer:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
            # Long enough for others to come, if they were let in.
            self._lock.wait(0.005)
            self.running -= 1
        return Answer(events=[i.args or i.kind.encode()],
                      timer=timer_in(2) if i.kind == "init" else None)


def test_a_long_outage_fails_no_machine_and_its_backlog_comes_at_the_rate_it_takes(
        servers, spaces, port):
    """A single attempt is allowed, and none is used up: not over a restart of the server either."""
    server = servers().start()
    processor = ScriptedProcessor(port)
    space = spaces(server.client, endpoint=processor.endpoint, max_in_flight=IN_FLIGHT,
                   retry_policy=namespaces_pb2.RetryPolicy(max_attempts=1))
    space.processor = processor
    space.behave(Counting())
    ids = [f"m{number:03}" for number in range(MACHINES)]
    starts = [space.client.automaton.Start.future(automaton_pb2.StartRequest(
        namespace=space.name, id=id), timeout=60) for id in ids]
    for start in starts:
        start.result()
    processor.stop()
    for id in ids:
        space.notify(id, b"n")
    # Those of the first machines may have fired before.
    waiting = [id for id in ids if space.get(id, history(limit=0)).HasField("timer")]
    assert len(waiting) > MACHINES / 4
    last = max(space.get(id).timer.ToMicroseconds() / 1e6 for id in waiting)
    eventually(lambda: time.time() > last, "all are due")
    with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE"):
        space.call(ids[0], timeout=2)
    server.kill()
    server.start()
    with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE"):
        space.call(ids[0], timeout=2)
    assert space.ids(status=automaton_pb2.STATUS_FILTER_FAILED) == []
    assert space.ids(status=automaton_pb2.STATUS_FILTER_RETRYING) == []

    back = ScriptedProcessor(port)
    try:
        counting = Counting()
        back.behave(space.name, counting)
        for id in ids:
            eventually(lambda: len(space.get(id).history) == 3, f"{id} goes on", timeout=60)
            assert sorted(space.events(id)[1:]) == [b"n", b"timeout"]
        assert counting.most <= IN_FLIGHT
        assert {i.attempt for i in back.invocations(space.name)} == {1}
        assert len(back.invocations(space.name)) == MACHINES + len(waiting)
    finally:
        back.stop()


def test_the_time_of_the_next_attempt_survives_a_restart_and_calls_are_served(servers, spaces):
    server = servers().start()

    def behave(i):
        if i.kind in ("timeout", "notification"):
            raise Refusal(grpc.StatusCode.UNAVAILABLE, "closed")
        return Answer(response=b"ok", events=[i.kind.encode()],
                      timer=timer_in(0) if i.args == b"arm" else None)

    space = spaces(server.client, behave, retry_policy=namespaces_pb2.RetryPolicy(
        initial_interval=duration(3600), max_interval=duration(3600)))
    space.start("timed", b"arm")
    space.start("notified")
    space.notify("notified", b"n")
    for id in ("timed", "notified"):
        eventually(lambda: space.status(id) == "retrying", f"{id} is tried again later")
    before = {id: space.get(id).status for id in ("timed", "notified")}
    server.kill()
    server.start()
    for id, status in before.items():
        assert space.get(id).status == status
        assert status.working.retrying.attempt == 1
        assert space.call(id) == b"ok", "calls are served meanwhile"
        assert space.get(id).status == status, "and leave the retry as it was"
    assert space.ids(status=automaton_pb2.STATUS_FILTER_RETRYING) == ["notified", "timed"]
    tried = [i for i in space.invocations() if i.kind in ("timeout", "notification")]
    assert len(tried) == 2, "its time has not come"


@pytest.mark.parametrize("change", ["endpoint", "connections"])
def test_a_call_that_waits_for_its_endpoint_goes_to_the_one_that_takes_its_place(
        servers, spaces, processor, port, change):
    """Whoever mends a namespace fails nobody who waits for that."""
    server = servers().start()
    space = spaces(server.client)
    space.start("m")
    namespace = space.client.namespaces.Get(
        namespaces_pb2.GetNamespaceRequest(name=space.name), timeout=30).namespace

    def update(**processor_options) -> None:
        for name, value in processor_options.items():
            setattr(namespace.processor, name, value)
        namespace.version = 0
        server.client.namespaces.Update(
            namespaces_pb2.UpdateNamespaceRequest(namespace=namespace), timeout=30)

    update(endpoint=f"127.0.0.1:{port}")
    waiting = [space.call_later("m", b"a", timeout=30), space.client.automaton.Start.future(
        automaton_pb2.StartRequest(namespace=space.name, id="n"), timeout=30)]
    server.says("the endpoint cannot be reached")
    if change == "connections":
        update(connections=3)
        late = ScriptedProcessor(port)
    else:
        update(endpoint=processor.endpoint)
        late = None
    try:
        for call in waiting:
            call.result()
    finally:
        if late:
            late.stop()
    assert space.events("m")[-1] == b"a"
