"""Somebody has locked the rows of many machines: that is in these machines' way, and in nobody
else's. A row that is free again is written soon, however many others are not."""

import contextlib

import pytest
from support.client import Space
from support.stubs import automaton_pb2
from support.waiting import eventually

LOCKED = 800
FREE = 40
"""Together fewer than the streams of one connection."""
PATIENCE = 10
"""Seconds within which others are served, and a row that is free again is written."""


def start_all(space: Space, ids: list[str]) -> None:
    started = [space.client.automaton.Start.future(
        automaton_pb2.StartRequest(namespace=space.name, id=id), timeout=60) for id in ids]
    for start in started:
        start.result()


@pytest.fixture
def crowd(node, spaces):
    """Machines to be locked, and others."""
    space = spaces(node().start().client)
    locked, free = [f"locked{n}" for n in range(LOCKED)], [f"free{n}" for n in range(FREE)]
    start_all(space, locked + free)
    return space, locked, free


def lock(postgres, condition: str) -> contextlib.AbstractContextManager[None]:
    return postgres.session("begin",
                            f"select 1 from progressor.machine where {condition} for update")


def test_others_are_served_while_the_rows_of_many_are_locked(crowd, postgres):
    space, locked, free = crowd
    with lock(postgres, "id like 'locked%'"):
        held = {id: space.call_later(id, b"held", timeout=120) for id in locked}
        # From the first moment on, when most are in one batch with locked ones.
        for _ in range(5):
            for call in [space.call_later(id, b"free", timeout=PATIENCE) for id in free]:
                assert call.result().response == b"free"
        assert not any(call.done() for call in held.values())
    for id, call in held.items():
        assert call.result().response == b"held"
    for id in locked[::100]:
        assert [i.args for i in space.invocations(id)] == [b"", b"held"], "asked once"
        assert space.events(id) == [b"", b"held"]


def test_one_of_many_locked_rows_is_free_again(crowd, postgres, node):
    space, locked, _ = crowd
    one = locked[LOCKED // 2]
    with lock(postgres, f"id like 'locked%' and id <> '{one}'"):
        with lock(postgres, f"id = '{one}'"):
            held = {id: space.call_later(id, b"held", timeout=120) for id in locked}
            eventually(lambda: len([i for i in space.invocations() if i.kind == "call"]) == LOCKED,
                       "all are asked")
            # Whatever is locked is known once others are served.
            space.call("free0", timeout=PATIENCE)
            assert not held[one].done()
        eventually(held[one].done, "it is written", timeout=PATIENCE)
        assert not any(call.done() for id, call in held.items() if id != one)
        space.call(one, b"again", timeout=PATIENCE)
    for call in held.values():
        assert call.result().response == b"held"
    assert space.events(one) == [b"", b"held", b"again"]


def test_a_locked_row_of_another_table_holds_up_its_own_machine_alone(crowd, postgres):
    """Nobody can be asked for such rows: the machine is found by trying."""
    space, _, free = crowd
    space.notify("free0", b"first")
    eventually(lambda: space.events("free0") == [b"", b"first"], "delivered")
    postgres.sql("insert into progressor.idempotency select shard, namespace, id, 'k', 'f', 1, '', "
                 "now() - interval '1 day' from progressor.machine where id = 'free0'")
    with postgres.session("begin", "select 1 from progressor.idempotency for update"):
        held = space.call_later("free0", b"held", key="k", timeout=60)
        for call in [space.call_later(id, b"free", timeout=PATIENCE) for id in free[1:]]:
            assert call.result().response == b"free"
        assert not held.done()
    assert held.result().response == b"held"
