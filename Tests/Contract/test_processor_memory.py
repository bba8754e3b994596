"""Answers that stop on their way: what a channel's memory is waited for, and who waits, is let go
of."""

import threading

from support.client import duration, fails
from support.processor import Answer, ScriptedProcessor
from support.raw_processor import Link, RawProcessor, prefix
from support.server import CORES
from support.stubs import automaton_pb2, namespaces_pb2, processor_pb2, types_pb2
from support.waiting import eventually

MESSAGE = 16 << 20


def stall(link: Link, stream: int) -> None:
    """Announces 16 MiB, and stops after a few bytes."""
    link.begin(stream)
    link.data(stream, prefix(MESSAGE) + bytes(1000))


def large(invocation) -> Answer:
    """Two megabytes, which have to ask for memory."""
    aux = types_pb2.Content(data=bytes(2_000_000))
    return Answer(response=invocation.args, events=[invocation.args], aux_state=aux)


def test_a_processor_goes_away_while_its_answers_wait_for_memory(servers, spaces):
    """64 MiB are granted to four; the others wait. All end with their connection, and whatever
    waits for its turn then has the memory."""
    server = servers().start()
    first = ScriptedProcessor()
    space = spaces(server.client, endpoint=first.endpoint, retry_policy=namespaces_pb2.RetryPolicy(
        initial_interval=duration(0.1), max_attempts=5))
    ids = [f"m{number}" for number in range(8)]
    for id in ids:
        space.start(id)
    first.stop()
    stalled = RawProcessor(stall, port=first.port)
    second = None
    try:
        calls = [space.call_later(id, b"lost", timeout=60) for id in ids[:6]]
        for id in ids[6:]:
            space.notify(id, b"n")
        eventually(lambda: stalled.requests >= 8, "all are asked and begin to answer")
        stalled.stop()
        for call in calls:
            with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE"):
                call.result()
        second = ScriptedProcessor(first.port)
        second.behave(space.name, large)
        for id in ids[:6]:
            assert space.call(id, b"again") == b"again"
        for id in ids[6:]:
            eventually(lambda: space.events(id)[-1:] == [b"n"], "it is delivered", timeout=20)
            assert space.status(id) == "working"
        calls = [space.call_later(id, b"%d" % n) for n, id in enumerate(ids) for _ in range(3)]
        assert len([call.result().response for call in calls]) == 24
    finally:
        stalled.stop()
        if second:
            second.stop()


class Beginnings:
    """A processor's answers of 31 KB, too short to ask for memory, that lack their last byte until
    `finish`."""

    def __init__(self):
        self._answer = processor_pb2.ProcessSignalResponse(change=types_pb2.StateChange(
            events=[types_pb2.Content(data=bytes(31_000))])).SerializeToString()
        self._begun: list[tuple[Link, int]] = []
        self._lock = threading.Lock()
        self._finishes = False

    def behave(self, link: Link, stream: int) -> None:
        link.begin(stream)
        link.data(stream, prefix(len(self._answer)) + self._answer[:-1])
        with self._lock:
            self._begun.append((link, stream))
        if self._finishes:
            self.finish()

    def finish(self) -> None:
        with self._lock:
            self._finishes = True
            begun, self._begun = self._begun, []
        for link, stream in begun:
            link.data(stream, self._answer[-1:])
            link.end(stream)


def test_no_more_calls_are_sent_than_there_is_memory_for_their_answers(servers, spaces):
    """More than two thousand calls are due, of which each answer would begin with 64 KiB. Those
    beyond the memory of each engine wait: none is made in vain, and no machine fails, though one
    attempt is all that it has."""
    server = servers().start()
    first = ScriptedProcessor()
    # One connection carries a thousand calls at most.
    space = spaces(server.client, endpoint=first.endpoint, timeout=120, max_in_flight=3000,
                   connections=3, limits=namespaces_pb2.Limits(steps_in_flight=3000),
                   retry_policy=namespaces_pb2.RetryPolicy(max_attempts=1))
    ids = [f"m{number}" for number in range(2400)]
    start_all(space, ids)
    first.stop()
    beginnings = Beginnings()
    processor = RawProcessor(beginnings.behave, port=first.port)
    try:
        for id in ids:
            space.notify(id, b"n")
        eventually(lambda: processor.requests == 1024 * CORES, "the memory is used up", timeout=60)
        beginnings.finish()
        for id in ids:
            eventually(lambda: space.get(id).last_event_id == 2, "it is delivered", timeout=60)
        assert space.ids(status=automaton_pb2.STATUS_FILTER_FAILED) == []
        assert processor.requests == len(ids), "each is asked once"
    finally:
        processor.stop()


def start_all(space, ids: list[str]) -> None:
    for first in range(0, len(ids), 200):
        starts = [space.client.automaton.Start.future(automaton_pb2.StartRequest(
            namespace=space.name, id=id), timeout=60) for id in ids[first:first + 200]]
        for start in starts:
            start.result()
