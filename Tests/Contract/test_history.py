"""Histories by range: 10,000 events, both directions, every edge."""

import uuid

import pytest
from support.client import BACKWARD, FORWARD, Space, fails, history
from support.processor import Answer
from support.stubs import types_pb2

EVENTS = 10_000


@pytest.fixture(scope="module")
def long(server, processor):
    """A machine with 10,000 events, the n-th of which says n."""
    # Where tests move between processes, one may make it again.
    name = f"long-history-{uuid.uuid4().hex[:8]}"
    server.client.create_namespace(name, processor.endpoint)
    space = Space(server.client, processor, name)

    def append(invocation):
        first = invocation.machine.last_event_id + 1
        return Answer(events=[b"%d" % n for n in range(first, first + 1000)])

    space.behave(append)
    space.start("m")
    for _ in range(EVENTS // 1000 - 1):
        space.call("m", range=history(limit=0))
    return space


def shown(space, **range) -> list[int]:
    machine = space.get("m", history(**range))
    assert machine.last_event_id == EVENTS
    assert all(e.body.data == b"%d" % e.id for e in machine.history)
    return [e.id for e in machine.history]


def test_everything(long):
    assert len(long.events("m")) == EVENTS


@pytest.mark.parametrize("range, ids", [
    (dict(limit=0), []),
    (dict(limit=3), [1, 2, 3]),
    (dict(after=1, limit=2), [2, 3]),
    (dict(after=9_998), [9_999, 10_000]),
    (dict(after=9_998, limit=1), [9_999]),
    (dict(after=10_000), []),
    (dict(after=10_000, limit=5), []),
    (dict(after=9_990, limit=2**31 - 1), list(range(9_991, 10_001))),
])
def test_forward(long, range, ids):
    assert shown(long, **range) == ids


@pytest.mark.parametrize("range, ids", [
    (dict(limit=0), []),
    (dict(limit=3), [10_000, 9_999, 9_998]),
    (dict(after=10_000, limit=1), [9_999]),
    (dict(after=10_001, limit=1), [10_000]),
    (dict(after=1_000_000, limit=2), [10_000, 9_999]),
    (dict(after=2**63 - 1, limit=1), [10_000]),
    (dict(after=3), [2, 1]),
    (dict(after=1), []),
    (dict(after=5, limit=2**31 - 1), [4, 3, 2, 1]),
])
def test_backward(long, range, ids):
    assert shown(long, direction=BACKWARD, **range) == ids


def test_unspecified_is_forward(long):
    assert shown(long, after=4, limit=2, direction=types_pb2.DIRECTION_UNSPECIFIED) == [5, 6]


def test_paging_forward_and_backward_meets_each_event_once(long):
    forward, after = [], 0
    while page := shown(long, after=after, limit=999):
        forward += page
        after = page[-1]
    assert forward == list(range(1, EVENTS + 1))
    backward, after = [], 0
    while page := shown(long, after=after, limit=1001, direction=BACKWARD):
        backward += page
        after = page[-1]
        if after == 1:
            break
    assert backward == list(range(EVENTS, 0, -1))


@pytest.mark.parametrize("after", [10_001, 2**63 - 1])
def test_forward_beyond_the_last_event(long, after):
    with fails("NOT_FOUND", "EVENT_NOT_FOUND", about=(long.name, "m")):
        long.get("m", history(after=after))


@pytest.mark.parametrize("range, field", [
    (history(after=-1), "history_range.after"),
    (history(after=-(2**63)), "history_range.after"),
    (history(limit=-1), "history_range.limit"),
    (history(limit=-(2**31), direction=BACKWARD), "history_range.limit"),
    (history(direction=7), "history_range.direction"),
])
def test_impossible_ranges(long, range, field):
    for operation in (long.get, long.call, long.notify):
        with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failure:
            operation("m", range=range)
        assert field in failure[0].message


def test_the_range_asked_for_comes_back(long):
    asked = history(after=17, limit=3, direction=BACKWARD)
    assert long.get("m", asked).history_range == asked


def test_the_empty_machine(space):
    space.behave(lambda i: None)
    space.start("m")
    assert space.get("m", history()).last_event_id == 0
    assert list(space.get("m", history(direction=BACKWARD, after=5)).history) == []
    assert list(space.get("m", history(direction=FORWARD)).history) == []
    with fails("NOT_FOUND", "EVENT_NOT_FOUND"):
        space.get("m", history(after=1))
