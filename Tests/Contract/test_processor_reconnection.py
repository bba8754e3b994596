"""Processors that go and come back, freeze, move and multiply: what waits goes on soon."""

import signal
import time

from support.client import fails
from support.processor import Answer, ScriptedProcessor
from support.processor_process import ProcessorProcess
from support.server import free_port
from support.waiting import eventually

OUTAGE = 3.0


def last(seconds: float) -> None:
    """An outage of this length."""
    end = time.monotonic() + seconds
    eventually(lambda: time.monotonic() > end, "it lasts", timeout=seconds + 1)


def answers(space, name: bytes, timeout: float = 2.0) -> bool:
    """Whether a call is answered by this processor within its timeout."""
    try:
        return space.call("m", timeout=timeout) == name
    except Exception:  # whatever the reason is: not yet
        return False


def away_and_back(space, processor) -> None:
    """Three outages in a row, each with a call that waits for its end."""
    space.start("m", b"init")
    for round in range(3):
        processor.stop()
        waiting = space.call_later("m", b"%d" % round, timeout=OUTAGE + 15)
        last(OUTAGE)
        processor = ScriptedProcessor(processor.port)
        processor.behave(space.name, lambda i: Answer(response=i.args, events=[i.args]))
        began = time.monotonic()
        assert waiting.result().response == b"%d" % round
        assert time.monotonic() - began < 5, "it goes on soon after the processor is back"
    processor.stop()


def test_a_processor_by_name_is_reconnected_after_every_outage(servers, spaces):
    server = servers().start()
    processor = ScriptedProcessor(free_port())
    space = spaces(server.client, endpoint=f"localhost:{processor.port}")
    space.processor = processor
    away_and_back(space, processor)


def test_so_it_is_with_a_slow_resolver(named_server, hosts, spaces):
    """A look-up takes longer than a refused connection: it answers while the next attempt waits."""
    lines = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255} host{n}" for n in range(60_000)]
    hosts.write_text("\n".join([*lines, "127.0.0.1 localhost slow.test", ""]))
    server = named_server.start()
    processor = ScriptedProcessor(free_port())
    space = spaces(server.client, endpoint=f"slow.test:{processor.port}")
    space.processor = processor
    away_and_back(space, processor)


def test_a_name_is_followed_wherever_it_goes(named_server, hosts, spaces):
    """First nowhere, then to one address, to another, and to both."""
    server = named_server.start()
    port = free_port()
    first = ProcessorProcess("first", port, host="127.0.0.2")
    second = ProcessorProcess("second", port, host="127.0.0.3")

    def point(*addresses: str) -> None:
        hosts.write_text("".join(f"{a} moving.test\n" for a in ("127.0.0.1 localhost", *addresses)))

    try:
        space = spaces(server.client, endpoint=f"moving.test:{port}")
        with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE"):
            space.start("m", timeout=3)
        point("127.0.0.2")
        space.start("m", timeout=5)
        assert space.call("m") == b"first"
        point("127.0.0.3")
        first.kill()
        eventually(lambda: answers(space, b"second"), "the name's new address is called", timeout=8)
        first = ProcessorProcess("first", port, host="127.0.0.2")
        point("127.0.0.3", "127.0.0.2")
        eventually(lambda: answers(space, b"first"), "the added address gets calls", timeout=45)
        assert {space.call("m") for _ in range(4)} == {b"first", b"second"}
    finally:
        first.kill()
        second.kill()


def test_a_call_waits_for_its_endpoint_beyond_the_processor_timeout(servers, spaces):
    server = servers().start()
    processor = ScriptedProcessor(free_port())
    space = spaces(server.client, endpoint=processor.endpoint, timeout=1)
    space.start("m")
    for outage in (0.5, 2.5):
        processor.stop()
        waiting = [space.call_later("m", timeout=10) for _ in range(3)]
        last(outage)
        processor = ScriptedProcessor(processor.port)
        for call in waiting:
            call.result()
    remaining = [i.time_remaining for i in processor.invocations(space.name)]
    assert remaining and max(remaining) <= 1, "the processor is told its own timeout"
    processor.stop()
    with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE"):
        space.call("m", timeout=2)
    server.says("the endpoint cannot be reached")
    log = server.says("the endpoint can be reached again")
    assert 1 <= log.count("the endpoint cannot be reached") <= 3, "once per outage"
    assert 1 <= log.count("the endpoint can be reached again") <= 2


def test_a_frozen_processor_is_given_up_and_taken_again(servers, spaces):
    """Its system goes on to acknowledge TCP. Some calls are lost; timeouts are shorter than the
    time in which the silence is noticed."""
    server = servers().start()
    processor = ProcessorProcess("only", free_port())
    try:
        space = spaces(server.client, endpoint=f"127.0.0.1:{processor.port}", timeout=2)
        space.start("m")
        processor.send_signal(signal.SIGSTOP)
        with fails("UNAVAILABLE"):
            space.call("m", timeout=10)
        eventually(lambda: "the endpoint cannot be reached" in server.log.read_text(),
                   "the connection is given up", timeout=20)
        waiting = space.call_later("m", timeout=30)
        processor.send_signal(signal.SIGCONT)
        began = time.monotonic()
        assert waiting.result().response == b"only"
        assert time.monotonic() - began < 8
    finally:
        processor.kill()


def test_the_other_of_two_processors_takes_the_calls_of_a_frozen_one(named_server, hosts, spaces):
    server = named_server.start()
    port = free_port()
    both = [ProcessorProcess(name, port, host=host)
            for name, host in (("first", "127.0.0.2"), ("second", "127.0.0.3"))]
    hosts.write_text("127.0.0.1 localhost\n127.0.0.2 both.test\n127.0.0.3 both.test\n")
    try:
        space = spaces(server.client, endpoint=f"both.test:{port}", timeout=2)
        space.start("m")
        eventually(lambda: {space.call("m") for _ in range(4)} == {b"first", b"second"},
                   "both are called")
        both[0].send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        lost = 0
        while time.monotonic() - stopped < 12:
            lost += not answers(space, b"second", timeout=5)
        assert lost <= 6, "calls that were on the way to it, until the silence is noticed"
        assert all(answers(space, b"second") for _ in range(20))
        both[0].send_signal(signal.SIGCONT)
        eventually(lambda: answers(space, b"first"), "the other is taken again", timeout=20)
    finally:
        for processor in both:
            processor.kill()
