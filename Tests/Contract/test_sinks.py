"""Sinks: the server itself delivers the feed, to a webhook here."""

import random
import ssl
import threading

import pytest
from google.protobuf import json_format
from support.certificates import Authority
from support.client import duration
from support.feed import ON, Subscriber
from support.server import progressor
from support.sinks import Delivering, document, run
from support.stubs import event_sink_pb2, namespaces_pb2
from support.waiting import eventually
from support.webhook_receiver import SECRET, WebhookReceiver

CREATED = event_sink_pb2.CHANGE_KIND_CREATED


@pytest.fixture
def receiver():
    receiver = WebhookReceiver().start()
    yield receiver
    receiver.stop()


def webhook(receiver: WebhookReceiver, name: str = "hook", timeout: str = "2s", batch: int = 100,
            **rest) -> dict:
    target = {"url": receiver.url, "secret": SECRET, "timeout": timeout, "batch": batch}
    return {"name": name, "webhook": target, **rest}


@pytest.fixture
def delivering(servers, spaces, tmp_path):
    return lambda *sinks: Delivering(servers, spaces, tmp_path, *sinks)


def test_a_webhook_is_told_what_becomes_of_machines(delivering, receiver):
    space = delivering(webhook(receiver)).space
    expected = run(space, machines=3)
    space.remove("m-0")
    expected["m-0"].append("removed")
    eventually(lambda: receiver.machines == expected, "everything is told")
    assert all(delivery.is_signed for delivery in receiver.taken)
    content = {delivery.headers["content-type"].split(";")[0] for delivery in receiver.taken}
    assert content == {"application/cloudevents-batch+json"}
    for event in receiver.events:
        told = json_format.ParseDict(event["data"], event_sink_pb2.SubscribeResponse())
        assert event["specversion"] == "1.0"
        assert event["id"] == f"{told.shard}-{told.sequence}"
        assert event["source"] == f"/progressor/{space.name}"
        assert event["subject"] == told.machine_id and told.namespace == space.name
        change = told.WhichOneof("change")
        assert event["type"] == f"progressor.v1.{change}"
        assert event["time"] == told.created_at.ToJsonString()
        assert event["data"] == json_format.MessageToDict(told), "proto3 JSON, as protobuf's own"
    assert len({event["id"] for event in receiver.events}) == len(receiver.events), "once each"


def test_what_a_sink_wants(delivering, receiver, spaces):
    told = WebhookReceiver().start()
    made = delivering(
        webhook(receiver, kinds=["created", "removed"]),
        webhook(told, "other", namespaces=["other-*"]))
    other = spaces(made.server.client, name=f"other-{made.space.name}", feed=ON)
    for space in (made.space, other):
        space.start("m", b"init")
        space.remove("m")
    eventually(lambda: len(receiver.events) == 4, "two kinds of two namespaces")
    eventually(lambda: told.machines == {"m": ["created", "1:init", "removed"]}, "one namespace")
    assert {event["source"] for event in told.events} == {f"/progressor/{other.name}"}
    assert {event["type"] for event in receiver.events} == {
        "progressor.v1.created", "progressor.v1.removed"}
    told.stop()


def test_a_receiver_that_fails_at_random_is_told_everything_in_order(delivering, receiver):
    chance = random.Random(11)
    receiver.reply = lambda delivery: chance.choice([200] * 9 + [503, 404, 301])
    made = delivering(webhook(receiver, batch=7))
    expected = run(made.space)
    eventually(lambda: receiver.machines == expected, "everything is told", timeout=120)
    assert made.counted("failures_total") >= 1 and made.counted("delivered_total") >= 70
    for delivery in receiver.asked:
        assert len(delivery.events) <= 7 and delivery.is_signed


def test_the_same_delivery_has_the_same_id(delivering, receiver):
    receiver.reply = lambda delivery: 503 if len(receiver.asked) < 4 else 200
    space = delivering(webhook(receiver)).space
    space.start("m", b"init")
    eventually(lambda: receiver.machines == {"m": ["created", "1:init"]}, "it is told")
    bodies = {}
    for delivery in receiver.asked:
        bodies.setdefault(delivery.id, set()).add(delivery.body)
    assert all(len(contents) == 1 for contents in bodies.values())
    assert len(bodies) < len(receiver.asked), "some came again"


def test_an_absent_receiver_is_told_when_it_is_there(delivering, receiver):
    receiver.stop()
    made = delivering(webhook(receiver))
    expected = run(made.space, machines=3)
    eventually(lambda: made.counted("failing") == 1, "the sink fails")
    made.server.says("the sink cannot deliver")
    receiver.start()
    eventually(lambda: receiver.machines == expected, "everything is told", timeout=60)
    eventually(lambda: made.counted("failing") == 0, "it delivers")
    made.server.says("the sink delivers again")
    assert made.server.log.read_text().count("the sink cannot deliver") == 1


def test_one_that_never_answers_is_asked_again(delivering, receiver):
    receiver.reply = lambda delivery: None if len(receiver.asked) < 3 else 200
    made = delivering(webhook(receiver, timeout="300ms"))
    made.space.start("m", b"init")
    eventually(lambda: receiver.machines.get("m") == ["created", "1:init"], "it is told")
    assert made.counted("failures_total") >= 2


def test_one_that_asks_for_time_gets_it(delivering, receiver):
    receiver.headers = {"retry-after": "2"}
    times = []
    receiver.reply = lambda delivery: times.append(0) or (429 if len(times) == 1 else 200)
    made = delivering(webhook(receiver))
    made.space.start("m", b"init")
    eventually(lambda: receiver.machines.get("m") == ["created", "1:init"], "it is told")
    first, second = (int(delivery.headers["webhook-timestamp"]) for delivery in receiver.asked[:2])
    assert second - first >= 1, "a backoff alone would be half a second"


def test_what_is_too_large_for_the_receiver_holds_up_nothing(delivering, receiver):
    receiver.reply = lambda delivery: 413 if len(delivery.body) > 20_000 else 200
    made = delivering(webhook(receiver))
    made.space.start("m", b"init")
    made.space.call("m", b"x" * 50_000)
    made.space.call("m", b"after")
    eventually(lambda: receiver.machines.get("m") == ["created", "1:init", "3:after"], "the rest")
    assert made.counted("parked_total") == 1
    made.server.says("can never be delivered")


def test_a_large_event_is_delivered(delivering, receiver):
    made = delivering(webhook(receiver))
    made.space.start("m", b"init")
    made.space.call("m", b"x" * 3_000_000)
    eventually(lambda: receiver.machines.get("m") == ["created", "1:init", f"2:{'x' * 3_000_000}"],
               "all of it is told")


def test_after_a_crash_it_goes_on_where_it_was(delivering, receiver):
    made = delivering(webhook(receiver, batch=3))
    expected = run(made.space, machines=5)
    made.server.kill()
    before = len(receiver.events)
    made.server.start()
    made.space.call("m-0", b"more")
    expected["m-0"].append("7:more")
    eventually(lambda: receiver.machines == expected, "everything is told")
    eventually(lambda: made.lag() == 0, "and acknowledged")
    # What had arrived and was not acknowledged came again, and not everything.
    assert len(receiver.events) <= before + 5 * 7 + 1
    assert made.server.terminate() == 0
    count = len(receiver.events)
    made.server.start()
    made.space.call("m-1", b"last")
    expected["m-1"].append("7:last")
    eventually(lambda: receiver.machines == expected, "it goes on")
    assert len(receiver.events) == count + 1, "after an orderly stop nothing comes again"


def test_a_stop_does_not_wait_for_the_receiver(delivering, receiver):
    receiver.reply = lambda delivery: None
    made = delivering(webhook(receiver, timeout="5m"))
    made.space.start("m", b"init")
    eventually(lambda: receiver.asked, "it is asked")
    assert made.server.terminate(timeout=15) == 0


def test_a_stop_does_not_wait_for_a_frozen_database(
        servers, postgres, spaces, tmp_path, receiver):
    path = tmp_path / "progressor.yaml"
    path.write_text(document(webhook(receiver)))
    server = servers("--database-url", postgres.url, "--config", str(path), embedded=False,
                     environment={"PROGRESSOR_DRAIN_TIMEOUT": "1s"}).start()
    spaces(server.client, feed=ON).start("m", b"init")
    receiver.reply = lambda delivery: None if receiver.taken else 200
    eventually(lambda: receiver.taken, "something is told")
    with postgres.frozen():
        assert server.terminate(timeout=25) == 0


def test_what_is_gone_of_others_is_no_reason_to_stay(delivering, receiver, spaces):
    """A sink that was behind is told all that is kept, and that something may be missing."""
    receiver.stop()
    made = delivering(webhook(receiver))
    expected = run(made.space, machines=20)
    short = namespaces_pb2.FeedOptions(enabled=True, retention=duration(0.001))
    others = spaces(made.server.client, feed=short)
    for number in range(40):
        others.start(f"other-{number}", b"init")
    everywhere = [event_sink_pb2.Cursor(shard=shard) for shard in range(1024)]

    def are_gone() -> bool:
        feed = Subscriber(made.server.client, namespaces=[others.name], cursors=everywhere)
        eventually(lambda: feed.error or feed.progresses, "it is answered")
        feed.leave()
        return feed.error is not None

    eventually(are_gone, "the others are gone", timeout=90)
    receiver.start()
    eventually(lambda: expected.items() <= receiver.machines.items(), "the rest", timeout=90)
    made.server.says("went before the sink had come to them")
    eventually(lambda: made.lag() == 0, "it is at the end")
    assert made.counted("failing") == 0


def test_a_sink_is_a_consumer_that_can_be_reset(delivering, receiver):
    made = delivering(webhook(receiver))
    expected = run(made.space, machines=2)
    eventually(lambda: receiver.machines == expected, "everything is told")
    count = len(receiver.events)
    sinks = made.server.client.event_sink

    def consumer():
        [found] = sinks.ListConsumers(event_sink_pb2.ListConsumersRequest()).consumers
        return found

    eventually(lambda: consumer().lag == 0, "all of it is acknowledged")
    assert consumer().name == "hook" and consumer().subscribers == 1
    sinks.ResetConsumer(event_sink_pb2.ResetConsumerRequest(
        consumer="hook", start=event_sink_pb2.START_POSITION_OLDEST))
    eventually(lambda: len(receiver.events) == 2 * count, "everything comes again")


def test_the_node_that_takes_over_goes_on(node, spaces, tmp_path, receiver):
    path = tmp_path / "progressor.yaml"
    path.write_text(document(webhook(receiver)))
    first, second = node(lease=3), node(lease=3)
    for server in (first, second):
        server.arguments += ["--config", str(path)]
    first.start()
    space = spaces(first.client, feed=ON)
    expected = run(space, machines=3)
    second.start(wait=False)
    first.kill()
    eventually(second.client.serving, "the standby has taken over", timeout=60)
    space = space.on(second.client)
    for machine in expected:
        space.call(machine, b"more")
        expected[machine].append("7:more")
    eventually(lambda: receiver.machines == expected, "everything is told", timeout=60)


def test_a_consumer_of_somebody_else_is_not_taken(node, postgres, spaces, tmp_path, receiver):
    path = tmp_path / "progressor.yaml"
    path.write_text(document(webhook(receiver)))
    server = node().start()
    assert server.terminate() == 0
    postgres.in_schema("INSERT INTO feed_consumer (name, principal) VALUES ('hook', 'bob')")
    server.arguments += ["--config", str(path)]
    server.start()
    spaces(server.client, feed=ON).start("m", b"init")
    assert 'is of "bob"' in server.says("the sink cannot deliver").replace("\\", "")
    assert not receiver.asked
    server.client.event_sink.DeleteConsumer(event_sink_pb2.DeleteConsumerRequest(consumer="hook"))
    eventually(lambda: receiver.machines.get("m") == ["created", "1:init"], "it is told")


def test_nobody_else_subscribes_with_a_sinks_consumer(delivering, receiver):
    made = delivering(webhook(receiver))
    made.space.start("m", b"init")
    eventually(lambda: receiver.machines.get("m") == ["created", "1:init"], "it is told")
    Subscriber(made.server.client, consumer="hook").ends("PERMISSION_DENIED", "NOT_ALLOWED")


def test_what_a_later_version_wrote_holds_up_its_shard_and_no_other(
        node, postgres, spaces, tmp_path, receiver):
    path = tmp_path / "progressor.yaml"
    path.write_text(document(webhook(receiver)))
    server = node().start()
    space = spaces(server.client, feed=ON)
    expected = run(space, machines=10, calls=1)
    postgres.in_schema("UPDATE feed SET kind = 99 WHERE machine_id = 'm-3' AND event_id = 2")
    beside = postgres.in_schema(
        "SELECT DISTINCT machine_id FROM feed"
        " WHERE shard <> (SELECT shard FROM feed WHERE kind = 99)").split()
    Subscriber(server.client, namespaces=[space.name]).ends("UNAVAILABLE", "STORAGE_UNAVAILABLE")
    # What does not come to it need not be known.
    Subscriber(server.client, namespaces=[space.name], kinds=[CREATED]).caught_up()
    assert server.terminate() == 0
    server.arguments += ["--config", str(path)]
    server.start()
    told = {machine: expected[machine] for machine in beside if machine in expected}
    eventually(lambda: told.items() <= receiver.machines.items(), "the other shards are told")
    server.says("leaves a shard to a later version")
    assert receiver.machines["m-3"] == ["created", "1:init"]
    postgres.in_schema("UPDATE feed SET kind = 2 WHERE kind = 99")
    eventually(lambda: receiver.machines == expected, "it goes on by itself", timeout=30)


def test_untrusted_certificates_are_refused(delivering, tmp_path, receiver):
    authority = Authority(tmp_path / "ca", "nobody's")
    certificate = authority.sign("server", "IP:127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate.certificate, certificate.key)
    secure = WebhookReceiver(tls=tls).start()
    made = delivering(webhook(secure), webhook(receiver, "plain"))
    made.space.start("m", b"init")
    eventually(lambda: receiver.machines.get("m") == ["created", "1:init"], "the other is told")
    eventually(lambda: made.counted("failing") == 1, "the sink fails")
    assert "certificate" in made.server.says("the sink cannot deliver")
    assert not secure.asked
    secure.stop()


def test_a_slow_receiver_holds_up_no_other(delivering, receiver):
    opened = threading.Event()
    slow = WebhookReceiver(lambda delivery: opened.wait(60) and 200).start()
    made = delivering(webhook(receiver), webhook(slow, "slow", timeout="1m"))
    expected = run(made.space, machines=2)
    eventually(lambda: receiver.machines == expected, "the quick one is told")
    assert not slow.taken
    opened.set()
    eventually(lambda: slow.machines == expected, "so is the slow one")
    slow.stop()


def test_hostile_names_arrive_as_they_are(delivering, receiver):
    made = delivering(webhook(receiver))
    names = ['"', "\\", "a\u2028b", "\u202eevil", "e\u0301", "\u00e9", "😀", "</script>", "a b"]
    for name in names:
        made.space.start(name, b"init")
    eventually(lambda: len(receiver.machines) == len(names), "all are told")
    assert set(receiver.machines) == set(names)


@pytest.mark.parametrize("sink, part", [
    ({"name": "s"}, "has neither kafka nor webhook"),
    ({"name": "s", "webhook": {"url": "ftp://h/"}}, "sinks[0].webhook.url"),
    ({"name": "s", "webhook": {"url": "http://u:hush@h/"}}, "sinks[0].webhook.url"),
    ({"name": "s", "webhook": {"url": "http://h/", "secret": "hush"}}, "sinks[0].webhook.secret"),
    ({"name": "s", "kafka": {"brokers": "h:1", "properties": {"no.such": 1}}}, "no.such"),
    ({"name": "s", "kafka": {"brokers": "h:1", "properties": {"acks": 1}}}, "acks"),
])
def test_what_is_wrong_with_a_sink_is_said_before_anything_runs(tmp_path, sink, part):
    path = tmp_path / "progressor.yaml"
    path.write_text(document(sink))
    for command in (["serve", "--config", str(path)], ["config", "check", str(path)]):
        ended = progressor(*command)
        assert ended.returncode == 78 and part in ended.stderr, ended
        assert "hush" not in ended.stderr


def test_a_configuration_shows_its_sinks_without_secrets(tmp_path, receiver):
    path = tmp_path / "progressor.yaml"
    path.write_text(document(webhook(receiver)))
    shown = progressor("config", "check", str(path))
    assert shown.returncode == 0 and "sink hook" in shown.stdout and receiver.url in shown.stdout
    assert SECRET not in shown.stdout
