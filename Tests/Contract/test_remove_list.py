"""Remove and List."""

import grpc
import pytest
from support.client import Gate, fails
from support.processor import Answer, Refusal, timer_in
from support.stubs import automaton_pb2
from support.waiting import eventually


def test_remove_forgets_everything(space):
    space.behave(lambda i: Answer(
        events=[i.args], timer=timer_in(0.3) if i.kind == "init" else None))
    space.start("m", b"1")
    space.call("m", b"2")
    space.remove("m")
    for operation in (space.get, space.call, space.notify, space.remove):
        with fails("NOT_FOUND", "MACHINE_NOT_FOUND", about=(space.name, "m")):
            operation("m")
    assert space.ids() == []


def test_a_new_machine_under_the_id_begins_anew(space):
    """I12: neither timer nor history of the earlier one reaches it."""
    space.behave(lambda i: Answer(
        events=[i.args or i.kind.encode()],
        timer=timer_in(0.3) if i.args in (b"first", b"witness") else None))
    space.start("m", b"first")
    space.remove("m")
    space.start("m", b"second")
    space.start("witness", b"witness")
    eventually(lambda: len(space.events("witness")) == 2, "a timer set later has fired")
    assert space.events("m") == [b"second"]
    assert [i.kind for i in space.invocations("m")] == ["init", "init"]


def test_remove_waits_for_the_running_step_and_ends_what_waits(space):
    gate = Gate()

    def behave(i):
        if i.kind == "call":
            gate.wait()
        return Answer(response=b"done", events=[b"x"])

    space.behave(behave)
    space.start("m")
    running = space.call_later("m")
    gate.wait_for_entry()
    removal = space.client.automaton.Remove.future(
        automaton_pb2.RemoveRequest(namespace=space.name, id="m"), timeout=30)
    # A second connection's requests could overtake the removal; the same connection's do not.
    behind = space.call_later("m", b"behind")
    assert not removal.done()
    gate.open()
    assert running.result().response == b"done"
    removal.result()
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        behind.result()
    assert len(space.invocations("m")) == 2


def test_remove_works_on_a_failed_machine(space):
    def fail(i):
        if i.kind == "call":
            raise Refusal(grpc.StatusCode.INTERNAL, "broken")
    space.behave(fail)
    space.start("m")
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        space.call("m")
    space.remove("m")
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("m")


def test_an_action_removes_after_its_response(space):
    space.behave(lambda i: Answer(
        response=b"bye", events=[b"x"], timer=timer_in(60), remove=i.kind == "call"))
    space.start("m")
    assert space.call("m") == b"bye"
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("m")


def test_an_action_of_a_timeout_removes(space):
    space.behave(lambda i: Answer(timer=timer_in(0)) if i.kind == "init" else Answer(remove=True))
    space.start("m")
    eventually(lambda: space.ids() == [], "the timeout removes the machine")


def test_list_shows_machines_without_history(space):
    space.behave(lambda i: Answer(events=[b"1", b"2"], timer=timer_in(3600)))
    space.start("m")
    ((listed,),) = space.pages()
    assert (listed.namespace, listed.id, listed.last_event_id) == (space.name, "m", 2)
    assert list(listed.history) == []
    whole = space.get("m")
    assert (listed.timer, listed.created_at, listed.status) == (
        whole.timer, whole.created_at, whole.status)


def test_list_of_nothing(space):
    assert list(space.pages()) == [[]]


@pytest.fixture
def fleet(space):
    """working-00 … working-19 and broken-0 … broken-4."""
    def behave(i):
        if i.kind == "call":
            raise Refusal(grpc.StatusCode.DATA_LOSS, "broken")
    space.behave(behave)
    for number in range(20):
        space.start(f"working-{number:02}")
    for number in range(5):
        space.start(f"broken-{number}")
        with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
            space.call(f"broken-{number}")
    return space


WORKING = [f"working-{n:02}" for n in range(20)]
BROKEN = [f"broken-{n}" for n in range(5)]


def test_list_filters_by_status_and_prefix(fleet):
    assert fleet.ids() == BROKEN + WORKING
    assert fleet.ids(status=automaton_pb2.STATUS_FILTER_WORKING) == WORKING
    assert fleet.ids(status=automaton_pb2.STATUS_FILTER_FAILED) == BROKEN
    assert fleet.ids(status=automaton_pb2.STATUS_FILTER_RETRYING) == []
    assert fleet.ids(prefix="working-1") == WORKING[10:]
    assert fleet.ids(prefix="working-1", status=automaton_pb2.STATUS_FILTER_FAILED) == []
    assert fleet.ids(prefix="b", status=automaton_pb2.STATUS_FILTER_FAILED) == BROKEN
    assert fleet.ids(prefix="%") == []
    assert fleet.ids(prefix="working_") == []


@pytest.mark.parametrize("size", [1, 7, 24, 25, 26, 1000, 2**31 - 1])
def test_pages_show_each_machine_once(fleet, size):
    pages = list(fleet.pages(page_size=size))
    assert [m.id for page in pages for m in page] == BROKEN + WORKING
    assert all(len(page) <= size for page in pages)


def test_filtered_pages_show_each_machine_once(fleet):
    pages = list(fleet.pages(page_size=3, status=automaton_pb2.STATUS_FILTER_FAILED))
    assert [m.id for page in pages for m in page] == BROKEN
    assert all(len(page) <= 3 for page in pages)


def list_with(space, **fields):
    return space.client.automaton.List(
        automaton_pb2.ListRequest(namespace=space.name, **fields), timeout=30)


@pytest.mark.parametrize("fields, field", [
    (dict(page_size=-1), "page_size"),
    (dict(page_token="made up"), "page_token"),
    (dict(page_token="\u00ff" * 300), "page_token"),
    (dict(id_prefix="a" * 257), "id_prefix"),
    (dict(status_filter=9), "status_filter"),
])
def test_impossible_listings(fleet, fields, field):
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failure:
        list_with(fleet, **fields)
    assert field in failure[0].message


def test_machines_that_come_and_go_do_not_disturb_paging(fleet):
    pages = fleet.pages(page_size=5)
    seen = [m.id for m in next(pages)]
    fleet.start("a-new-one-before")
    fleet.remove("broken-0")
    fleet.remove("working-19")
    seen += [m.id for page in pages for m in page]
    assert len(seen) == len(set(seen))
    assert set(WORKING[:19] + BROKEN[1:]) <= set(seen)
