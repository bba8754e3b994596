"""The feed: everything that was committed, in order, for systems that follow along."""

import json
import time
import uuid

import grpc
import pytest
from support.client import DEADLINE, fails
from support.feed import NOW, OLDEST, ON, Subscriber
from support.processor import Answer, Refusal, echo
from support.server import progressor
from support.stubs import event_sink_pb2, namespaces_pb2
from support.waiting import eventually

CREATED = event_sink_pb2.CHANGE_KIND_CREATED
REMOVED = event_sink_pb2.CHANGE_KIND_REMOVED


@pytest.fixture
def told(client, spaces):
    """A namespace that goes into the feed."""
    return spaces(client, feed=ON)


@pytest.fixture
def subscribe(client):
    made = []

    def make(on=client, **subscribed) -> Subscriber:
        made.append(Subscriber(on, **subscribed))
        return made[-1]

    yield make
    for subscriber in made:
        subscriber.leave()


def breaking(i):
    """A call `break` fails the machine, `end` says a last word and removes it."""
    if i.args == b"break":
        raise Refusal(grpc.StatusCode.INTERNAL, "broken")
    if i.args == b"end":
        return Answer(events=[b"farewell"], remove=True)
    return echo(i)


def test_a_subscriber_is_told_what_becomes_of_machines(client, told, subscribe):
    told.behave(breaking)
    feed = subscribe(namespaces=[told.name])
    told.start("m", b"init")
    told.call("m", b"a")
    with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
        told.call("m", b"break")
    told.simple_repair("m")
    told.call("m", b"end")
    expected = ["created", "1:init", "2:a", "failed", "working", "3:farewell", "removed"]
    eventually(lambda: feed.of("m") == expected, "everything is told")
    [failed] = [e for e in feed.entries if e.WhichOneof("change") == "status_changed"][:1]
    assert failed.status_changed.status.failed.reason.endswith("broken")
    assert {entry.namespace for entry in feed.entries} == {told.name}
    assert all(entry.created_at.seconds > 0 for entry in feed.entries)
    assert [entry.sequence for entry in feed.entries] == sorted(
        entry.sequence for entry in feed.entries)


def test_nothing_that_changed_nothing_is_told(told, subscribe):
    told.behave(lambda i: Answer(response=b"yes") if i.args == b"ask" else echo(i))
    feed = subscribe(namespaces=[told.name])
    told.start("m", b"init")
    told.call("m", b"ask")
    told.pause("m")
    told.resume("m")
    told.remove("m")
    eventually(lambda: feed.of("m") == ["created", "1:init", "removed"], "the rest is told")


def test_a_subscriber_that_comes_later_is_told_the_same(told, subscribe):
    for number in range(20):
        told.start(f"m-{number}", b"init")
        told.call(f"m-{number}", b"a")
    feed = subscribe(namespaces=[told.name]).caught_up()
    assert feed.machines == {f"m-{number}": ["created", "1:init", "2:a"] for number in range(20)}


def test_a_subscriber_goes_on_where_its_cursors_say(told, subscribe):
    told.start("m", b"init")
    first = subscribe(namespaces=[told.name]).caught_up()
    first.leave()
    told.call("m", b"a")
    second = subscribe(namespaces=[told.name], cursors=first.position())
    eventually(lambda: second.of("m") == ["2:a"], "what it has not seen is told")


def test_now_begins_behind_everything_and_says_where(told, subscribe):
    told.start("m", b"init")
    feed = subscribe(namespaces=[told.name], start=NOW).caught_up()
    assert not feed.entries and sum(c.sequence for c in feed.progresses[0].cursors) > 0
    told.call("m", b"a")
    eventually(lambda: feed.of("m") == ["2:a"], "only what came later is told")


def test_only_the_kinds_asked_for_are_told(told, subscribe):
    feed = subscribe(namespaces=[told.name], kinds=[CREATED, REMOVED])
    told.start("m", b"init")
    told.call("m", b"a")
    told.remove("m")
    eventually(lambda: feed.of("m") == ["created", "removed"], "two kinds are told")


def test_only_the_namespaces_asked_for_are_told(client, told, spaces, subscribe):
    other = spaces(client, feed=ON)
    mine, both = subscribe(namespaces=[told.name]), subscribe(namespaces=[told.name, other.name])
    other.start("theirs", b"")
    told.start("ours", b"")
    eventually(lambda: mine.machines.keys() == {"ours"}, "one namespace is told")
    eventually(lambda: both.machines.keys() == {"ours", "theirs"}, "two namespaces are told")


def test_without_bodies_events_have_no_data(client, spaces, subscribe):
    quiet = spaces(client, feed=namespaces_pb2.FeedOptions(enabled=True))
    feed = subscribe(namespaces=[quiet.name])
    quiet.start("m", b"secret")
    eventually(lambda: feed.of("m") == ["created", "1:"], "the event is told without its data")


def test_a_namespace_goes_into_the_feed_when_that_is_on(client, space, subscribe):
    feed = subscribe(namespaces=[space.name])
    space.start("before", b"")
    namespace = client.namespaces.Get(
        namespaces_pb2.GetNamespaceRequest(name=space.name), timeout=DEADLINE).namespace
    namespace.feed.CopyFrom(ON)
    client.namespaces.Update(
        namespaces_pb2.UpdateNamespaceRequest(namespace=namespace), timeout=DEADLINE)
    space.start("after", b"")
    eventually(lambda: feed.machines.keys() == {"after"}, "what is committed then is told")


def test_live_entries_come_at_once(told, subscribe):
    feed = subscribe(namespaces=[told.name]).caught_up()
    lags = []
    for number in range(50):
        told.start(f"m-{number}", b"")
        committed = time.monotonic()
        eventually(lambda: len(feed.machines) > number, "it is told", every=0.001)
        lags.append(time.monotonic() - committed)
    assert sorted(lags)[len(lags) // 2] < 0.2


def test_a_large_event_comes_whole(client, told, subscribe):
    body = b"x" * (7 << 20)
    told.behave(lambda i: Answer(events=[body if i.args == b"large" else i.args]))
    feed = subscribe(namespaces=[told.name])
    told.start("m", b"small")
    told.call("m", b"large")
    told.call("m", b"after")
    eventually(lambda: len(feed.of("m")) == 4, "all are told", timeout=30)
    assert [e.event.body.data for e in feed.entries if e.HasField("event")] == [
        b"small", body, b"after"]


@pytest.mark.parametrize("cursors", [
    [(0, 1 << 40)], [(3, 10), (0, 1 << 60)]], ids=["one", "among others"])
def test_a_cursor_ahead_of_the_feed_is_refused(subscribe, cursors):
    feed = subscribe(cursors=[event_sink_pb2.Cursor(shard=s, sequence=n) for s, n in cursors])
    [seen] = feed.ends("OUT_OF_RANGE", "CURSOR_AHEAD")
    assert seen.info.metadata["shard"] in {str(s) for s, _ in cursors}


@pytest.mark.parametrize("wrong", [
    {"cursors": [event_sink_pb2.Cursor(shard=99_999_999)]},
    {"cursors": [event_sink_pb2.Cursor(shard=-1)]},
    {"cursors": [event_sink_pb2.Cursor(), event_sink_pb2.Cursor()]},
    {"namespaces": [""]}, {"kinds": [0]}, {"kinds": [77]}, {"start": 9},
    {"consumer": "a\nb"}, {"consumer": "c" * 257}, {"namespaces": ["n"] * 101},
], ids=str)
def test_a_request_that_says_nothing_sensible_is_refused(subscribe, wrong):
    [field] = wrong
    [seen] = subscribe(**wrong).ends("INVALID_ARGUMENT", "INVALID_ARGUMENT")
    assert field in seen.message


# Consumers

@pytest.fixture
def consumer(client):
    name = f"consumer-{uuid.uuid4().hex[:8]}"
    yield name
    try:
        client.event_sink.DeleteConsumer(
            event_sink_pb2.DeleteConsumerRequest(consumer=name), timeout=DEADLINE)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND


def consumers(client) -> dict:
    reply = client.event_sink.ListConsumers(
        event_sink_pb2.ListConsumersRequest(), timeout=DEADLINE)
    return {one.name: one for one in reply.consumers}


def test_a_consumer_goes_on_behind_what_it_acknowledged(client, told, subscribe, consumer):
    told.start("m", b"init")
    first = subscribe(namespaces=[told.name], consumer=consumer).caught_up()
    assert first.of("m") == ["created", "1:init"]
    first.acknowledge(client, consumer)
    told.call("m", b"a")
    eventually(lambda: first.of("m")[2:] == ["2:a"], "it is told more")
    first.leave()
    # What it did not acknowledge comes again, and what it did does not; its start is history.
    second = subscribe(namespaces=[told.name], consumer=consumer, start=NOW)
    eventually(lambda: second.of("m") == ["2:a"], "it goes on there")
    eventually(lambda: consumers(client)[consumer].subscribers == 1, "the first is gone")
    seen = consumers(client)[consumer]
    assert seen.lag >= 1 and seen.HasField("acknowledged_at")


def test_a_consumer_that_began_now_begins_there_again(client, told, subscribe, consumer):
    first = subscribe(namespaces=[told.name], consumer=consumer, start=NOW).caught_up()
    first.leave()
    told.start("m", b"init")
    second = subscribe(namespaces=[told.name], consumer=consumer, start=NOW)
    eventually(lambda: second.of("m") == ["created", "1:init"], "nothing is left out")


def test_acknowledging_never_goes_back(client, told, subscribe, consumer):
    told.start("m", b"init")
    feed = subscribe(namespaces=[told.name], consumer=consumer).caught_up()
    shard = feed.entries[0].shard

    def acknowledge(sequence: int) -> None:
        client.event_sink.Acknowledge(event_sink_pb2.AcknowledgeRequest(
            consumer=consumer, cursors=[event_sink_pb2.Cursor(shard=shard, sequence=sequence)]),
            timeout=DEADLINE)

    newest = feed.cursors[shard]
    acknowledge(newest)
    acknowledge(newest - 1)
    stored = {c.shard: c.sequence for c in consumers(client)[consumer].cursors}
    assert stored[shard] == newest
    with fails("OUT_OF_RANGE", "CURSOR_AHEAD"):
        acknowledge(newest + 1_000_000)


def test_subscribers_of_a_consumer_share_the_shards(client, told, subscribe, consumer):
    def machines(prefix: str) -> set[str]:
        names = {f"{prefix}-{number}" for number in range(20)}
        for name in names:
            told.start(name, b"")
        return names

    def divided(one, other) -> bool:
        """Some machine is told to the one and not to the other."""
        names = machines(f"probe-{uuid.uuid4().hex[:8]}")
        eventually(lambda: names <= one.machines.keys() | other.machines.keys(), "all are told")
        return bool(names & one.machines.keys()) and not names & one.machines.keys() \
            & other.machines.keys()

    alone = subscribe(namespaces=[told.name], consumer=consumer).caught_up()
    before = machines("before")
    eventually(lambda: alone.machines.keys() == before, "one has everything")
    alone.acknowledge(client, consumer)
    other = subscribe(namespaces=[told.name], consumer=consumer)
    eventually(lambda: consumers(client)[consumer].subscribers == 2, "there are two")
    other.caught_up()
    eventually(lambda: divided(other, alone), "the first has given its half away", every=0.1)
    shared = machines("shared")
    eventually(
        lambda: shared <= alone.machines.keys() | other.machines.keys(), "everything is told")
    halves = [{m for m in one.machines if m in shared} for one in (alone, other)]
    assert all(halves) and not halves[0] & halves[1]
    other.acknowledge(client, consumer)
    alone.acknowledge(client, consumer)
    other.leave()
    eventually(lambda: consumers(client)[consumer].subscribers == 1, "one is gone")
    after = machines("after")
    eventually(lambda: after <= alone.machines.keys(), "the one that is left has everything again")
    assert not after & other.machines.keys()


def test_a_consumer_that_is_reset_goes_on_elsewhere(client, told, subscribe, consumer):
    told.start("m", b"init")
    first = subscribe(namespaces=[told.name], consumer=consumer).caught_up()
    first.acknowledge(client, consumer)
    client.event_sink.ResetConsumer(event_sink_pb2.ResetConsumerRequest(
        consumer=consumer, start=OLDEST), timeout=DEADLINE)
    first.ends("ABORTED", "CONSUMER_RESET")
    # Until the first is gone, they share the shards.
    again = subscribe(namespaces=[told.name], consumer=consumer)
    eventually(lambda: again.of("m") == ["created", "1:init"], "it begins anew")
    [entry] = [e for e in again.entries if e.WhichOneof("change") == "created"]
    client.event_sink.ResetConsumer(event_sink_pb2.ResetConsumerRequest(
        consumer=consumer,
        cursors=[event_sink_pb2.Cursor(shard=entry.shard, sequence=entry.sequence)]),
        timeout=DEADLINE)
    again.ends("ABORTED", "CONSUMER_RESET")
    third = subscribe(namespaces=[told.name], consumer=consumer)
    eventually(lambda: third.of("m") == ["1:init"], "it begins there")


def test_a_consumer_that_is_deleted_is_gone(client, told, subscribe, consumer):
    feed = subscribe(namespaces=[told.name], consumer=consumer).caught_up()
    client.event_sink.DeleteConsumer(
        event_sink_pb2.DeleteConsumerRequest(consumer=consumer), timeout=DEADLINE)
    feed.ends("ABORTED", "CONSUMER_RESET")
    assert consumer not in consumers(client)
    sink = client.event_sink
    for method, request in (
            (sink.Acknowledge, event_sink_pb2.AcknowledgeRequest(consumer=consumer)),
            (sink.DeleteConsumer, event_sink_pb2.DeleteConsumerRequest(consumer=consumer)),
            (sink.ResetConsumer, event_sink_pb2.ResetConsumerRequest(
                consumer=consumer, start=NOW))):
        with fails("NOT_FOUND", "CONSUMER_NOT_FOUND"):
            method(request, timeout=DEADLINE)


def test_a_subscriber_that_does_not_read_holds_up_nobody(client, told, spaces, subscribe):
    told.behave(lambda i: Answer(events=[b"x" * 100_000]))
    deaf = subscribe(namespaces=[told.name], reads=False)
    feed = subscribe(namespaces=[told.name])
    told.start("m", b"")
    for _ in range(50):
        told.call("m", b"")
    eventually(lambda: len(feed.of("m")) == 52, "who reads is told everything", timeout=20)
    deaf.read()
    eventually(lambda: len(deaf.of("m")) == 52 or deaf.error, "who reads late is told, too",
               timeout=20)


# For people

def test_the_command_line_follows_and_sees_to_consumers(server, client, told, consumer):
    told.start("m", b"hello")
    at = ["--server", client.address]
    shown = progressor(
        "feed", "tail", "--namespace", told.name, "--from", "oldest", "--limit", "2",
        "--consumer", consumer, "--json", *at)
    assert shown.returncode == 0, shown.stderr
    created, event = map(json.loads, shown.stdout.splitlines())
    assert created["machineId"] == "m" and created["created"] == {}
    assert event["event"]["body"]["text"] == "hello"
    text = progressor("feed", "tail", "-n", told.name, "--from", "oldest", "--limit", "2", *at)
    assert f"{told.name}/m  created" in text.stdout and "hello" in text.stdout
    listed = progressor("feed", "consumers", *at)
    assert consumer in listed.stdout
    assert progressor("feed", "reset", consumer, "--to", "now", *at).returncode == 0
    assert progressor("feed", "delete", consumer, *at).returncode == 0
    gone = progressor("feed", "reset", consumer, "--cursor", "0:0", *at)
    assert gone.returncode != 0 and "CONSUMER_NOT_FOUND" in gone.stderr
