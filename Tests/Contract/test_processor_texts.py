"""The code of a processor's status decides, however long its text is and whatever is in it."""

import grpc
import pytest
from support.client import Gate, duration, fails
from support.processor import Answer, Refusal, timer_in
from support.server import progressor
from support.stubs import namespaces_pb2
from support.waiting import eventually

SIZES = [17_000, 70_000, 3_000_000]
CALLS = {"UNAVAILABLE": ("UNAVAILABLE", "PROCESSOR_UNAVAILABLE"),
         "FAILED_PRECONDITION": ("FAILED_PRECONDITION", "PROCESSOR_REFUSED"),
         "INTERNAL": ("FAILED_PRECONDITION", "MACHINE_FAILED")}


class Others:
    """Calls of other machines that are on their way to the processor meanwhile, on each of its
    connections."""

    COUNT = 8

    def __init__(self, space, behave):
        self.gate = Gate()
        self.space = space
        self.ids = [f"other-{number}" for number in range(self.COUNT)]
        for id in self.ids:
            space.start(id)
        space.behave(lambda i: self.wait() if i.machine.id in self.ids else behave(i))
        self.calls = [space.call_later(id) for id in self.ids]
        for _ in self.ids:
            self.gate.wait_for_entry()

    def wait(self) -> Answer:
        self.gate.wait()
        return Answer(response=b"untouched")

    def are_untouched(self) -> None:
        self.gate.open()
        assert [call.result().response for call in self.calls] == [b"untouched"] * self.COUNT
        for id in self.ids:
            assert len(self.space.invocations(id)) == 2, "init and one call"


def refusing(kind: str, code: str, text: str, times: int):
    left = [times]

    def behave(i):
        if i.kind == kind and left[0] > 0:
            left[0] -= 1
            raise Refusal(grpc.StatusCode[code], text)
        timer = timer_in(0) if kind == "timeout" and i.kind == "init" else None
        return Answer(response=b"ok", events=[i.kind.encode()], timer=timer)

    return behave


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("code", CALLS)
def test_a_long_text_of_a_call(space, code, size):
    space.start("m")
    others = Others(space, refusing("call", code, "t" * size, times=1))
    with fails(*CALLS[code], about=(space.name, "m")) as failure:
        space.call("m")
    assert "ttt" in failure[0].message
    if code == "INTERNAL":
        failed = space.get("m").status.failed
        assert failed.code == grpc.StatusCode.INTERNAL.value[0]
        assert "t" * 4000 in failed.reason and len(failed.reason) <= 4096
    else:
        assert space.call("m") == b"ok"
    others.are_untouched()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("code", CALLS)
def test_a_long_text_of_a_timeout(client, spaces, code, size):
    space = spaces(client, retry_policy=namespaces_pb2.RetryPolicy(initial_interval=duration(0.02)))
    others = Others(space, refusing("timeout", code, "t" * size, times=1))
    space.start("m")
    if code == "UNAVAILABLE":
        eventually(lambda: space.events("m") == [b"init", b"timeout"], "it is tried again")
        seen = [i for i in space.invocations("m") if i.kind == "timeout"]
        assert [i.attempt for i in seen] == [1, 2]
    else:
        eventually(lambda: space.status("m") == "failed", "the machine fails")
        failed = space.get("m").status.failed
        assert (failed.code, failed.attempts) == (grpc.StatusCode[code].value[0], 1)
        assert "t" * 4000 in failed.reason
    others.are_untouched()


def test_metadata_that_nobody_can_bear_end_their_call_as_transient(space):
    refuse = refusing("call", "INTERNAL", "no", times=1)

    def behave(i):
        if i.kind == "call":
            i.context.set_trailing_metadata([(f"x-{n}", "t" * 15_000) for n in range(80)])
        return refuse(i)

    space.start("m")
    others = Others(space, behave)
    with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE", about=(space.name, "m")):
        space.call("m")
    assert space.status("m") == "working"
    others.are_untouched()


def test_control_characters_are_the_same_before_and_after_a_restart(servers, processor, spaces):
    """U+0000, which PostgreSQL cannot hold, is replaced where the text comes in."""
    server = servers().start()
    space = spaces(server.client)
    space.start("m")
    space.behave(refusing("call", "INTERNAL", "bad\0thing\n\x1b", times=1))
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED") as failure:
        space.call("m")
    assert "bad\ufffdthing" in failure[0].message
    before = space.get("m")
    assert "bad\ufffdthing\n\x1b" in before.status.failed.reason
    shown = progressor("machine", "get", "--server", server.address, "--namespace", space.name, "m")
    assert shown.returncode == 0, shown
    assert server.terminate() == 0
    server.start()
    assert space.on(server.client).get("m") == before


SPACES = ["no ", " no", "no  \t", " ", "two\nlines \n"]


@pytest.mark.parametrize("text", SPACES)
@pytest.mark.parametrize("code", CALLS)
def test_white_space_around_a_text_is_kept(space, code, text):
    """RFC 9113 section 8.2.1 forbids it around a field's value; gRPC's libraries send it."""
    space.start("m")
    space.behave(refusing("call", code, text, times=1))
    with fails(*CALLS[code], about=(space.name, "m")) as failure:
        space.call("m")
    assert text in failure[0].message
    assert space.status("m") == ("failed" if code == "INTERNAL" else "working")


def test_white_space_around_a_callers_metadata_is_taken_off(space):
    """gRPC over HTTP/2, "Custom-Metadata": it may be."""
    space.start("m")
    space.call("m", metadata=[("x-note", " a b "), ("x-blank", "  ")])
    seen = space.invocations("m")[-1].metadata
    assert (seen["x-note"], seen["x-blank"]) == ("a b", "")
