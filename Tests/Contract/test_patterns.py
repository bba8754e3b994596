"""The patterns of Examples/python, each driven through a server, and the page that shows them."""

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import grpc
import pytest
from support.client import fails
from support.stubs import ROOT
from support.waiting import eventually

EXAMPLES = ROOT / "Examples" / "python"
sys.path.insert(0, str(EXAMPLES))

from patterns import approval, cart, children, cron, deadlines, debounce, saga  # noqa: E402
from patterns.step import services  # noqa: E402


@pytest.fixture
def serve(client, spaces):
    """Makes a namespace whose processor is the given pattern."""
    servers = []

    def make(pattern):
        server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        services.add_ProcessorServicer_to_server(pattern, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return spaces(client, endpoint=f"127.0.0.1:{port}")
    yield make
    for server in servers:
        server.stop(grace=0).wait()


def said(value) -> bytes:
    return json.dumps(value).encode()


def state(space, id: str):
    return json.loads(space.get(id).aux_state.data)


def texts(space, id: str) -> list[str]:
    return [event.decode() for event in space.events(id)]


def test_several_deadlines(serve):
    space = serve(deadlines.Booking())
    space.start("late", said({"remind": 0.2, "expire": 0.6}))
    space.start("paid", said({"remind": 0.2, "expire": 60}))
    space.start("longer", said({"remind": 60, "expire": 0.2}))
    space.call("longer", said({"extend": 60}))
    eventually(lambda: texts(space, "late") == ["reminded", "expired"], "both come to their time")
    eventually(lambda: texts(space, "paid") == ["reminded"], "the customer is reminded")
    assert json.loads(space.call("paid", said("pay"))) == "paid"
    assert space.get("paid").pending_messages == 0
    assert space.get("longer").pending_messages == 2 and texts(space, "longer") == []
    with fails("FAILED_PRECONDITION", "PROCESSOR_REFUSED"):
        space.call("late", said("pay"))


def test_children_and_their_results(serve):
    space = serve(children.Report())
    space.start("r/taken", said({"pages": []}))
    space.start("r", said({"pages": ["one two", "three", "taken"]}))
    eventually(lambda: texts(space, "r") == ["complete"], "all pages are done")
    assert state(space, "r")["results"] == {"one two": 2, "three": 1, "taken": None}
    eventually(lambda: space.ids() == ["r", "r/taken"], "the pages are gone")
    assert space.get("r").waiting_for == ""


class Agency:
    """Books each key once; `fails` says what it answers first, piece by piece."""

    def __init__(self, **fails):
        self.booked, self._fails = {}, fails

    def book(self, piece, key):
        if error := self._fails.get(piece):
            if isinstance(error, ConnectionError):
                del self._fails[piece]
            raise error
        self.booked[piece] = key

    def cancel(self, piece, key):
        self.booked.pop(piece, None)


def test_a_saga_that_is_booked_though_somebody_is_away_for_a_while(serve):
    agency = Agency(hotel=ConnectionError("the hotel does not answer"))
    space = serve(saga.Trip(agency))
    space.start("t")
    eventually(lambda: state(space, "t")["status"] == "booked", "it is booked")
    assert texts(space, "t") == ["booked flight", "booked hotel", "booked car"]
    assert list(agency.booked) == saga.PIECES and len(set(agency.booked.values())) == 3


def test_a_saga_that_is_undone(serve):
    agency = Agency(car=saga.SoldOut())
    space = serve(saga.Trip(agency))
    space.start("t")
    eventually(lambda: state(space, "t")["status"] == "cancelled", "it is undone")
    assert texts(space, "t") == ["booked flight", "booked hotel", "no car", "cancelled hotel",
                                 "cancelled flight"]
    assert agency.booked == {}


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("day, expected", [
    (date(2026, 3, 28), "2026-03-28T01:30"),
    (date(2026, 3, 29), "2026-03-29T01:00"),  # 02:30 is skipped: 03:00 is the first after it.
    (date(2026, 3, 30), "2026-03-30T00:30"),
    (date(2026, 10, 25), "2026-10-25T00:30"),  # 02:30 comes twice: the first.
    (date(2026, 10, 26), "2026-10-26T01:30")])
def test_the_time_of_a_day(day, expected):
    assert cron.daily(day, time(2, 30), BERLIN) == datetime.fromisoformat(expected + "+00:00")


def test_an_hour_that_is_skipped_or_doubled_fires_once():
    for month, day in ((3, 28), (10, 24)):
        due, runs = datetime(2026, month, day, tzinfo=timezone.utc), []
        for _ in range(3):
            due = cron.next_after(due, time(2, 30), BERLIN)
            runs.append(due.astimezone(BERLIN).date())
        assert runs == [date(2026, month, day + n) for n in range(3)]


def test_what_was_missed_runs_once():
    due = datetime(2026, 6, 1, 0, 30, tzinfo=timezone.utc)
    now = datetime(2026, 6, 9, 12, tzinfo=timezone.utc)
    last = cron.next_due(due, now, time(2, 30), BERLIN)
    assert last == datetime(2026, 6, 9, 0, 30, tzinfo=timezone.utc)
    assert cron.next_due(last, now, time(2, 30), BERLIN) == last + timedelta(days=1)


def test_cron(serve):
    """By the processor's clock it is spring: each time has passed when the timer is set."""
    space = serve(cron.Daily(now=lambda: datetime(2026, 3, 27, 12, tzinfo=timezone.utc)))
    space.start("c", said({"at": "02:30", "zone": "Europe/Berlin"}))
    eventually(lambda: len(texts(space, "c")) >= 3, "it fires")
    assert texts(space, "c")[:3] == [
        "ran for 2026-03-28 01:30Z", "ran for 2026-03-29 01:00Z", "ran for 2026-03-30 00:30Z"]
    eventually(lambda: state(space, "c")["due"] > datetime.now(timezone.utc).isoformat(),
               "it has caught up", timeout=60)
    assert space.get("c").HasField("timer")


def test_debounce(serve):
    space = serve(debounce.Index())
    space.start("calm", said({"quiet": 0.3, "latest": 60}))
    for number in range(5):
        space.notify("calm", said(f"document {number}"))
    eventually(lambda: texts(space, "calm") == ["built with 5"], "it is quiet")
    assert space.get("calm").pending_messages == 0
    space.start("busy", said({"quiet": 60, "latest": 0.3}))
    space.notify("busy", said("document"))
    eventually(lambda: texts(space, "busy") == ["built with 1"], "it waits no longer")


def test_approval(serve):
    space = serve(approval.Expense())
    space.start("small", said({"amount": 20, "escalate": 60}))
    assert state(space, "small")["status"] == "approved"
    space.start("large", said({"amount": 2_000, "escalate": 0.2}))
    eventually(lambda: space.get("large").waiting_for == "a director's approval", "it is escalated")
    before = space.get("large").last_event_id
    assert json.loads(space.call("large"))["status"] == "open"
    assert space.get("large").last_event_id == before
    space.call("large", said({"decision": "rejected", "by": "Ada"}))
    assert texts(space, "large") == ["escalated", "rejected by Ada"]
    assert space.get("large").waiting_for == ""
    with fails("FAILED_PRECONDITION", "PROCESSOR_REFUSED"):
        space.call("large", said({"decision": "approved", "by": "Bob"}))


def test_a_cart_begins_with_the_first_thing_that_is_put_in(serve):
    space = serve(cart.Cart())
    for item, key in (("pen", "k1"), ("pen", "k1"), ("ink", "k2")):
        cart.put(space.client.automaton, space.name, "ada", item, key)
    eventually(lambda: state(space, "ada")["items"] == ["pen", "ink"], "both are put in, once")


def test_what_the_page_shows_is_what_is_tested():
    sources = [file.read_text() for file in (EXAMPLES / "patterns").glob("*.py")]
    page = (ROOT / "docs" / "patterns.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 8
    for block in blocks:
        assert any(block in source for source in sources), block
