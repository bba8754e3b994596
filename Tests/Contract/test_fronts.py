"""nginx or HAProxy between clients and the server, and between the server and a processor: what a
call says arrives whole, and what the proxy makes up counts as transient."""

import grpc
import pytest
from grpc_health.v1 import health_pb2
from support.client import Client, Gate, duration, fails
from support.fronts import KINDS, Front
from support.ports import free_port
from support.processor import Answer, Refusal, ScriptedProcessor, echo, timer_in
from support.stubs import namespaces_pb2
from support.waiting import eventually

MEBIBYTE = 1 << 20
LARGE = bytes(range(256)) * (7 * MEBIBYTE // 256)  # answered twice, in one message of 16 at most


@pytest.fixture(params=KINDS)
def fronts(request):
    """Makes proxies of this kind."""
    made: list[Front] = []

    def make(target: int) -> Front:
        made.append(Front(request.param, target))
        return made[-1]

    yield make
    for front in made:
        front.close()


@pytest.fixture
def fronted(fronts, server, space):
    """A namespace behind a proxy."""
    client = Client(fronts(server.port).address)
    yield space.on(client)
    client.close()


class TestInFrontOfTheServer:
    def test_a_machine_lives(self, fronted):
        fronted.start("m", b"begun", key="once")
        fronted.start("m", b"begun", key="once")
        assert fronted.call("m", b"asked", metadata=[("x-trace", "7")]) == b"asked"
        assert fronted.invocations("m")[-1].metadata["x-trace"] == "7"
        fronted.notify("m", b"told")
        eventually(lambda: fronted.events("m") == [b"begun", b"asked", b"told"], "all three steps")
        fronted.remove("m")
        with fails("NOT_FOUND", "MACHINE_NOT_FOUND", about=(fronted.name, "m")):
            fronted.get("m")

    def test_an_error_keeps_its_code_its_text_and_its_details(self, fronted):
        text = "ne réussit pas: 100 % \n" + "t" * 3_000 + " "

        def refuse(invocation):
            if invocation.kind == "call":
                raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, text)
            return echo(invocation)

        fronted.start("m")
        fronted.behave(refuse)
        with fails("FAILED_PRECONDITION", "PROCESSOR_REFUSED", about=(fronted.name, "m")) as seen:
            fronted.call("m")
        assert text in seen[0].message

    def test_a_push_back_arrives(self, client, spaces, fronted):
        gate = Gate()

        def wait(invocation):
            if invocation.kind == "call":
                gate.wait()
            return echo(invocation)

        space = spaces(client, wait, limits=namespaces_pb2.Limits(mailbox=1)).on(fronted.client)
        space.start("m")
        running = space.call_later("m", b"1")
        gate.wait_for_entry()
        waiting = [space.call_later("m", b"2")]
        # Which of the two is in the mailbox first is open.
        waiting.append(space.call_later("m", b"3"))
        refused = eventually(lambda: [c for c in waiting if c.done()], "one is refused")
        assert refused[0].code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        trailers = dict(refused[0].trailing_metadata())
        assert int(trailers["grpc-retry-pushback-ms"]) > 0
        gate.open()
        assert running.result().response == b"1"

    def test_a_deadline_reaches_the_processor_and_is_answered(self, fronted):
        gate = Gate()
        fronted.start("m")
        fronted.behave(lambda i: gate.wait() or echo(i))
        with fails("DEADLINE_EXCEEDED"):
            fronted.call("m", timeout=1)
        gate.open()
        assert fronted.invocations("m")[-1].time_remaining < 2

    def test_a_cancelled_call_gives_its_place_back(self, fronted):
        gate = Gate()
        fronted.start("m")
        fronted.behave(lambda i: gate.wait() or echo(i))
        first = fronted.call_later("m", b"runs")
        gate.wait_for_entry()
        second = fronted.call_later("m", b"is cancelled")
        assert second.cancel()
        gate.open()
        assert first.result().response == b"runs"
        assert fronted.call("m", b"third") == b"third"

    def test_large_messages_pass_both_ways(self, fronted):
        fronted.start("m")
        assert fronted.call("m", LARGE) == LARGE
        assert fronted.get("m").history[-1].body.data == LARGE

    def test_many_calls_at_once(self, fronted):
        machines = [f"m{number}" for number in range(100)]
        for machine in machines:
            fronted.start(machine)
        calls = [fronted.call_later(m, b"%d" % n) for m in machines for n in range(5)]
        assert [call.result().response for call in calls] == [b"%d" % n for n in range(5)] * 100

    def test_a_stream_stays_open(self, fronted):
        watch = fronted.client.health.Watch(health_pb2.HealthCheckRequest(), timeout=30)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()

    def test_a_server_that_starts_again_is_found_again(self, fronts, servers, spaces):
        server = servers().start()
        client = Client(fronts(server.port).address)
        space = spaces(client)
        space.start("m", b"before")
        assert server.terminate() == 0
        with fails(["UNAVAILABLE", "UNKNOWN"]):  # a plain HTTP error, of the proxy's own
            space.get("m", timeout=10)
        server.start()
        eventually(client.serving, "the proxy reaches it again")
        assert space.call("m", b"after") == b"after"
        assert space.events("m") == [b"before", b"after"]
        client.close()


class TestInFrontOfAProcessor:
    def test_its_answers_and_its_errors_pass(self, client, spaces, fronts, processor):
        space = spaces(client, endpoint=fronts(int(processor.endpoint.rpartition(":")[2])).address)
        space.start("m", b"begun")
        assert space.call("m", LARGE) == LARGE

        def refuse(invocation):
            raise Refusal(grpc.StatusCode.NOT_FOUND, "no such account: 7 ")

        space.behave(refuse)
        with fails("NOT_FOUND", "PROCESSOR_REFUSED", about=(space.name, "m")) as seen:
            space.call("m")
        assert "no such account: 7 " in seen[0].message

    def test_what_the_proxy_makes_up_is_transient(self, client, spaces, fronts):
        """Nobody listens behind it: 502 or 503, and a page of HTML. The timer waits for better
        times, and the machine goes on."""
        port = free_port()
        front = fronts(port)
        policy = namespaces_pb2.RetryPolicy(
            initial_interval=duration(0.05), max_interval=duration(0.2), max_attempts=0)
        space = spaces(client, endpoint=front.address, retry_policy=policy)
        behind = ScriptedProcessor(port)
        behind.behave(space.name, lambda i: Answer(
            events=[i.kind.encode()], timer=timer_in(0.2) if i.kind == "init" else None))
        space.start("m")
        behind.stop()
        eventually(lambda: space.get("m").status.working.retrying.attempt > 1, "it is retried")
        with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE", about=(space.name, "m")):
            space.call("m", timeout=3)
        again = ScriptedProcessor(port)
        again.behave(space.name, lambda i: Answer(events=[i.kind.encode()]))
        eventually(lambda: space.events("m") == [b"init", b"timeout"], "the timer's step is done")
        assert space.status("m") == "working"
        again.stop()

