"""Who is told what by the feed, and whose a consumer is: by the rules of docs/security.md."""

import pytest
from support.client import DEADLINE, Client, Space, fails
from support.feed import NOW, OLDEST, ON, Subscriber
from support.stubs import event_sink_pb2
from support.waiting import eventually
from test_access import Access

RULES = """
rules:
  - {principals: [admin], namespaces: ["*"], allow: [read, drive, operate, administer]}
  - {principals: [ada, bob], namespaces: ["pay-*"], allow: [read, drive, operate]}
  - {principals: [reader], namespaces: ["pay-*"], allow: [read]}
  - {principals: [watcher], namespaces: ["pay-*"], allow: [read], payloads: hidden}
  - {principals: [watcher], namespaces: [other], allow: [read]}
  - {principals: [driver], namespaces: ["*"], allow: [drive]}
  - {principals: [everywhere], namespaces: ["*"], allow: [read, operate]}
  - {principals: [anonymous], namespaces: ["public-*"], allow: [read]}
"""
NAMES = ("admin", "ada", "bob", "reader", "watcher", "driver", "everywhere", "nobody")
NAMESPACES = ("pay-cards", "pay-cash", "other", "public-a")


@pytest.fixture
def access(servers, processor):
    """In each namespace a machine of its name has begun to exist."""
    access = Access(servers(), processor)
    access.rules.write_text(RULES)
    access.write_tokens(*(f"{name} {access.digest(name)}" for name in NAMES))
    access.server.arguments += ["--authorization-file", str(access.rules)]
    access.server.start()
    for namespace in NAMESPACES:
        access.create(namespace, feed=ON)
        access.space("admin", namespace).start(namespace, b"secret")
    yield access
    access.close()


@pytest.fixture
def subscribe(access):
    made = []

    def make(who: str | Client, **subscribed) -> Subscriber:
        client = access.client(who) if isinstance(who, str) else who
        made.append(Subscriber(client, **subscribed))
        return made[-1]

    yield make
    for subscriber in made:
        subscriber.leave()


def test_a_subscriber_is_told_of_the_namespaces_that_it_may_read(access, subscribe):
    anonymous = access.showing()
    may_read = {"admin": set(NAMESPACES), "ada": {"pay-cards", "pay-cash"},
                "reader": {"pay-cards", "pay-cash"}, "everywhere": set(NAMESPACES),
                "watcher": {"pay-cards", "pay-cash", "other"}, anonymous: {"public-a"}}
    feeds = {who: subscribe(who).caught_up() for who in may_read}
    for who, feed in feeds.items():
        assert {entry.namespace for entry in feed.entries} == may_read[who]
    for namespace in NAMESPACES:
        access.space("admin", namespace).call(namespace, b"more")
    for who, feed in feeds.items():
        eventually(lambda: sum(e.event.id == 2 for e in feed.entries) == len(may_read[who]),
                   "what is committed then is told to those who may read it")
        assert {entry.namespace for entry in feed.entries} == may_read[who]


@pytest.mark.parametrize("asked", [["other"], ["pay-cards", "other"], ["no-such"]], ids=str)
def test_a_namespace_that_one_may_not_read_cannot_be_asked_for(subscribe, asked):
    subscribe("ada", namespaces=asked).ends("PERMISSION_DENIED", "NOT_ALLOWED")


def test_who_may_read_nothing_cannot_subscribe(access, subscribe):
    for who in ("nobody", "driver"):
        subscribe(who).ends("PERMISSION_DENIED", "NOT_ALLOWED")
        with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
            consumers(access.client(who))
    subscribe(access.showing("Bearer wrong")).ends("UNAUTHENTICATED", "UNAUTHENTICATED")
    access.rules.write_text(RULES.rpartition("  -")[0])
    eventually(lambda: "rules were read again" in access.server.log.read_text(), "they are read")
    subscribe(access.showing()).ends("UNAUTHENTICATED", "UNAUTHENTICATED")


def test_hidden_payloads_are_not_told(access, subscribe):
    def bodies(feed: Subscriber) -> dict[str, bytes]:
        return {e.namespace: e.event.body.data for e in feed.entries if e.HasField("event")}

    assert bodies(subscribe("watcher").caught_up()) == {
        "pay-cards": b"", "pay-cash": b"", "other": b"secret"}
    assert set(bodies(subscribe("reader").caught_up()).values()) == {b"secret"}


# Consumers

def consumers(client: Client) -> list[str]:
    reply = client.event_sink.ListConsumers(
        event_sink_pb2.ListConsumersRequest(), timeout=DEADLINE)
    return [consumer.name for consumer in reply.consumers]


def cursors_of(client: Client, name: str) -> dict[int, int]:
    reply = client.event_sink.ListConsumers(
        event_sink_pb2.ListConsumersRequest(), timeout=DEADLINE)
    [known] = [consumer for consumer in reply.consumers if consumer.name == name]
    return {cursor.shard: cursor.sequence for cursor in known.cursors}


def changes(client: Client, name: str, feed: Subscriber):
    """What may be done to a consumer, each as a function."""
    sink = client.event_sink
    yield lambda: feed.acknowledge(client, name)
    yield lambda: sink.ResetConsumer(event_sink_pb2.ResetConsumerRequest(
        consumer=name, start=NOW), timeout=DEADLINE)
    yield lambda: sink.ResetConsumer(event_sink_pb2.ResetConsumerRequest(
        consumer=name, cursors=feed.position()[:1]), timeout=DEADLINE)
    yield lambda: sink.DeleteConsumer(
        event_sink_pb2.DeleteConsumerRequest(consumer=name), timeout=DEADLINE)


def test_a_consumer_is_its_makers(access, subscribe):
    feed = subscribe("ada", consumer="of-ada").caught_up()
    ada, stranger = access.client("ada"), access.client("bob")
    before = cursors_of(ada, "of-ada")
    assert consumers(stranger) == []
    for change in changes(stranger, "of-ada", feed):
        with fails("NOT_FOUND", "CONSUMER_NOT_FOUND") as theirs:
            change()
        assert "ada" not in theirs[0].message.replace("of-ada", "")
    subscribe("bob", consumer="of-ada").ends("PERMISSION_DENIED", "NOT_ALLOWED")
    subscribe("bob", consumer="of-bob").caught_up()
    assert (consumers(ada), consumers(stranger)) == (["of-ada"], ["of-bob"])
    # Nothing of all that has come to the consumer, nor to who subscribes.
    assert cursors_of(ada, "of-ada") == before
    access.space("ada", "pay-cards").call("pay-cards", b"more")
    eventually(lambda: feed.of("pay-cards")[2:] == ["2:more"], "it is told what comes")
    assert feed.error is None
    for change in changes(ada, "of-ada", feed):
        change()
    assert consumers(ada) == []
    feed.ends("ABORTED", "CONSUMER_RESET")


@pytest.mark.parametrize("who", ["admin", "everywhere"])
def test_who_may_operate_everywhere_sees_to_everybodys_consumers(access, subscribe, who):
    operator = access.client(who)
    feed = subscribe("ada", consumer="of-ada").caught_up()
    subscribe("bob", consumer="of-bob").caught_up()
    assert consumers(operator) == ["of-ada", "of-bob"]
    for change in changes(operator, "of-ada", feed):
        change()
    assert consumers(operator) == ["of-bob"] == consumers(access.client("bob"))


def test_who_may_only_read_changes_no_consumer(access, subscribe):
    reader = access.client("reader")
    feed = subscribe("reader", consumer="of-reader").caught_up()
    for change in changes(reader, "of-reader", feed):
        with fails("PERMISSION_DENIED", "NOT_ALLOWED"):
            change()
    assert consumers(reader) == ["of-reader"] == consumers(access.client("admin"))


@pytest.mark.parametrize("who", ["admin", "everywhere"])
def test_who_may_read_everything_takes_nothing_from_others(access, subscribe, who):
    """Half of the shards would be told to somebody who does not deal with them."""
    feed = subscribe("ada", consumer="of-ada").caught_up()
    subscribe(access.client(who), consumer="of-ada").ends("PERMISSION_DENIED", "NOT_ALLOWED")
    subscribe("bob", consumer="of-bob").caught_up()
    subscribe(access.client(who), consumer="of-bob").ends("PERMISSION_DENIED", "NOT_ALLOWED")
    access.space("ada", "pay-cards").call("pay-cards", b"more")
    eventually(lambda: feed.of("pay-cards")[-1:] == ["2:more"], "its maker is told everything")
    assert feed.error is None


def test_a_consumer_stays_its_makers_when_the_server_is_killed(access, subscribe):
    first = subscribe("ada", consumer="of-ada", start=OLDEST).caught_up()
    first.acknowledge(access.client("ada"), "of-ada")
    access.server.kill()
    access.server.start()
    ada, bob = access.client("ada"), access.client("bob")
    assert (consumers(ada), consumers(bob)) == (["of-ada"], [])
    subscribe("bob", consumer="of-ada").ends("PERMISSION_DENIED", "NOT_ALLOWED")
    second = subscribe("ada", consumer="of-ada")
    Space(ada, access.processor, "pay-cash").call("pay-cash", b"more")
    eventually(lambda: second.machines == {"pay-cash": ["2:more"]}, "it goes on where it was")


def test_callers_without_credentials_have_no_part_in_a_consumer(access, subscribe):
    feed = subscribe("ada", consumer="of-ada").caught_up()
    anonymous = access.showing()
    assert consumers(anonymous) == []
    subscribe(anonymous, consumer="of-ada").ends("PERMISSION_DENIED", "NOT_ALLOWED")
    for change in changes(anonymous, "of-ada", feed):
        with fails("UNAUTHENTICATED", "UNAUTHENTICATED"):
            change()
    assert consumers(access.client("ada")) == ["of-ada"]


def test_callers_without_credentials_leave_no_consumer(access, subscribe):
    subscribe(access.showing(), consumer="of-nobody").ends("PERMISSION_DENIED", "NOT_ALLOWED")
    assert consumers(access.client("admin")) == []
