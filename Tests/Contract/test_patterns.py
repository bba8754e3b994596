"""The patterns of Examples/python, each driven through a server, and the page that shows them."""

import json
import re
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import grpc
import pytest
from support.client import Gate, fails
from support.stubs import ROOT
from support.waiting import eventually

EXAMPLES = ROOT / "Examples" / "python"
sys.path.insert(0, str(EXAMPLES))

from patterns import (  # noqa: E402
    approval, cart, children, cron, deadlines, debounce, saga, shipments,
)
from patterns.step import services  # noqa: E402


@pytest.fixture
def serve(client, spaces):
    """Makes a namespace whose processor is the given pattern, on the shared server or another."""
    servers = []

    def make(pattern, on=client):
        server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        services.add_ProcessorServicer_to_server(pattern, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return spaces(on, endpoint=f"127.0.0.1:{port}")
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


class Outside:
    """The carrier and the bank: what they did, each with the keys under which they were asked.
    `holds` is what they do not answer before the gate is open, `trouble` what comes of shipping."""

    def __init__(self, holds: str = "", trouble: Exception | None = None):
        self.shipped, self.cancelled, self.refunded = (defaultdict(set) for _ in range(3))
        self.gate, self._holds, self.trouble = Gate(), holds, trouble

    def ship(self, parcel, key):
        if self.trouble:
            raise self.trouble
        self._do(self.shipped, parcel, key, "ship")

    def cancel(self, parcel, key):
        self._do(self.cancelled, parcel, key, "cancel")

    def refund(self, order, key):
        self._do(self.refunded, order, key, "refund")

    def _do(self, done, what, key, name):
        done[what].add(key)
        if name == self._holds:
            self.gate.wait()

    def in_all(self) -> list:
        """That of each thing done there was one."""
        assert all(len(keys) == 1 for done in (self.shipped, self.cancelled, self.refunded)
                   for keys in done.values())
        return [set(done) for done in (self.shipped, self.cancelled, self.refunded)]


@pytest.fixture
def order(serve, client):
    """Starts the order `o` of parcels."""
    def make(outside, *parcels, deadline=60, on=client):
        space = serve(shipments.Order(outside, outside), on)
        space.start("o", said({"parcels": parcels, "deadline": deadline}))
        return space
    return make


def ends(space, status: str) -> None:
    eventually(lambda: state(space, "o")["status"] == status, f"it is {status}", timeout=30)
    machine = space.get("o")
    assert machine.waiting_for == "" and machine.pending_messages == 0


def report(space, parcel: str, what: str) -> None:
    """As the carrier does it, who has got the parcel."""
    id = f"o/{parcel}"
    eventually(lambda: id in space.ids() and state(space, id)["status"] == "sent", "it has it")
    space.notify(id, said(what))


def test_an_order_whose_parcels_are_all_shipped(order):
    outside = Outside()
    space = order(outside, "a", "b")
    assert space.get("o").waiting_for == "parcels"
    report(space, "a", "shipped")
    space.notify("o/a", said("shipped"))
    eventually(lambda: texts(space, "o") == ["a shipped"], "the first is shipped, once")
    report(space, "b", "shipped")
    ends(space, "shipped")
    # That is the end: nothing that comes later means anything.
    for late in ("late", {"parcel": "a", "answer": "shipped"}):
        space.notify("o", said(late))
    eventually(lambda: space.get("o").queued_notifications == 0, "that has come")
    assert texts(space, "o") == ["a shipped", "b shipped", "shipped"]
    assert outside.in_all() == [{"o/a", "o/b"}, set(), set()]


def test_an_order_with_a_parcel_that_fails(order):
    outside = Outside()
    space = order(outside, "a", "b", "c")
    report(space, "a", "shipped")
    eventually(lambda: texts(space, "o") == ["a shipped"], "the first is shipped")
    report(space, "b", "failed")
    ends(space, "cancelled")
    told = texts(space, "o")
    assert told[:2] == ["a shipped", "b failed"] and told[-1] == "cancelled"
    assert sorted(told[2:-1]) == ["a cancelled", "c cancelled", "refunded"]
    assert outside.in_all()[1:] == [{"o/a", "o/c"}, {"o"}]
    # Each message once more: the carrier's, the order's, the parcels'.
    for id, again in (("o/c", "shipped"), ("o/a", "cancel"), ("o/b", "cancel"), ("o", "refund"),
                      ("o", {"parcel": "c", "answer": "shipped"}), ("o", "late"),
                      ("o", {"parcel": "a", "answer": "cancelled"}), ("o/a", "ship")):
        space.notify(id, said(again))
        for machine in (id, "o"):
            eventually(lambda: space.get(machine).queued_notifications == 0
                       and space.get(machine).pending_messages == 0, "that has come")
    assert texts(space, "o") == told
    assert [state(space, f"o/{parcel}")["status"] for parcel in "abc"] == [
        "cancelled", "failed", "cancelled"]
    assert outside.in_all()[1:] == [{"o/a", "o/c"}, {"o"}]


def test_an_order_with_a_parcel_of_which_nothing_is_heard(order):
    outside = Outside()
    space = order(outside, "a", "b", deadline=0.3)
    ends(space, "cancelled")
    told = texts(space, "o")
    assert told[0] == "too late" and told[-1] == "cancelled" and "refunded" in told
    # One that was called back before the carrier had it never gets there.
    shipped, cancelled, refunded = outside.in_all()
    assert shipped == cancelled and refunded == {"o"}


def test_an_order_that_hears_of_a_parcel_while_it_is_called_back(order):
    """The customer does not wait for the carrier."""
    outside = Outside(holds="cancel")
    space = order(outside, "a", "b")
    report(space, "a", "failed")
    outside.gate.wait_for_entry()
    space.notify("o", said({"parcel": "b", "answer": "shipped"}))
    eventually(lambda: {"refunded", "b shipped"} <= {*texts(space, "o")}, "it is refunded")
    assert space.get("o").waiting_for == "parcels to come back"
    outside.gate.open()
    ends(space, "cancelled")
    assert texts(space, "o")[-2:] == ["b cancelled", "cancelled"]


def test_an_order_whose_parcels_are_over_before_it_is_refunded(order):
    outside = Outside()
    space = order(outside, "a", "b")
    space.pause("o")
    for parcel in "ab":
        report(space, parcel, "failed")
    eventually(lambda: space.get("o").queued_notifications == 2, "it is told of both")
    space.resume("o")
    ends(space, "cancelled")
    assert sorted(texts(space, "o")[:2]) == ["a failed", "b failed"]
    assert texts(space, "o")[2:] == ["refunded", "cancelled"]


def test_an_order_with_a_parcel_that_cannot_be_started(order):
    outside = Outside()
    space = order(outside)
    space.start("p/b", said({"parcels": [], "deadline": 60}))
    space.start("p", said({"parcels": ["a", "b"], "deadline": 60}))
    eventually(lambda: texts(space, "p")[-1:] == ["cancelled"], "it is cancelled")
    assert texts(space, "p")[0] == "b failed" and set(outside.refunded) == {"p"}


@pytest.mark.parametrize("trouble", [ConnectionError("away"), RuntimeError("broken")], ids=str)
def test_an_order_whose_parcels_cannot_answer(order, trouble):
    """They do when the carrier is back, or they are repaired. Until then the order waits."""
    outside = Outside(trouble=trouble)
    space = order(outside, "a", "b", deadline=0.2)
    eventually(lambda: texts(space, "o") == ["too late", "refunded"], "it is too late")
    assert space.get("o").waiting_for == "parcels to come back"
    outside.trouble = None
    if isinstance(trouble, RuntimeError):
        for id in ("o/a", "o/b"):
            eventually(lambda: space.status(id) == "failed", "it has failed")
            space.simple_repair(id)
    ends(space, "cancelled")
    assert outside.in_all() == [{"o/a", "o/b"}, {"o/a", "o/b"}, {"o"}]


@pytest.mark.parametrize("held", ["ship", "cancel", "refund"])
def test_an_order_in_the_middle_of_which_the_server_is_killed(servers, order, held):
    """What it had asked for outside is asked once more, under the same key."""
    outside = Outside(holds=held)
    server = servers().start()
    space = order(outside, "a", "b", on=server.client)
    if held != "ship":
        report(space, "a", "shipped")
        report(space, "b", "failed")
    outside.gate.wait_for_entry()
    server.kill()
    outside.gate.open()
    server.start()
    if held == "ship":
        report(space, "a", "failed")
    ends(space, "cancelled")
    shipped, cancelled, refunded = outside.in_all()
    assert refunded == {"o"} and cancelled == {"o/b" if held == "ship" else "o/a"} & shipped


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
