"""Sinks: the server itself delivers the feed, to a Kafka cluster here: librdkafka's own mock."""

import json
from collections import defaultdict

import pytest
from google.protobuf import json_format
from support.feed import ON, word
from support.kafka_mock import KafkaMock, KafkaRecord
from support.sinks import Delivering, run
from support.stubs import event_sink_pb2
from support.waiting import eventually

# Of Kafka's protocol.
UNKNOWN_TOPIC, NOT_LEADER, TIMED_OUT, NOT_ENOUGH_REPLICAS = 3, 6, 7, 19


@pytest.fixture
def cluster():
    cluster = KafkaMock(brokers=3)
    yield cluster
    cluster.stop()


@pytest.fixture
def delivering(servers, spaces, tmp_path):
    return lambda *sinks: Delivering(servers, spaces, tmp_path, *sinks)


def kafka(cluster: KafkaMock, **rest) -> dict:
    return {"name": "hook", "kafka": {"brokers": cluster.bootstrap_servers, **rest}}


def told(record: KafkaRecord) -> event_sink_pb2.SubscribeResponse:
    if record.header("content-type") == "application/json":
        return json_format.Parse(record.value, event_sink_pb2.SubscribeResponse())
    return event_sink_pb2.SubscribeResponse.FromString(record.value)


def arrived(records: list[KafkaRecord]) -> dict[str, list[str]]:
    """What came of each machine, in the order of its partition, without what came again."""
    lives, last, places = defaultdict(list), {}, {}
    for record in records:
        entry = told(record)
        assert places.setdefault(record.key, record.partition) == record.partition
        assert record.header("ce_id") == f"{entry.shard}-{entry.sequence}"
        if entry.sequence > last.get(entry.machine_id, 0):
            last[entry.machine_id] = entry.sequence
            lives[entry.machine_id].append(word(entry))
    return dict(lives)


def eventually_arrives(cluster: KafkaMock, topic: str, expected: dict[str, list[str]],
                       timeout: float = 30) -> list[KafkaRecord]:
    """All of it, and nothing else but repeats."""
    return cluster.consume([topic], lambda records: arrived(records) == expected, timeout)


@pytest.mark.parametrize("format", ["protobuf", "json"])
def test_a_topic_has_what_becomes_of_machines(delivering, cluster, format):
    made = delivering(kafka(cluster, format=format))
    topic = f"progressor.{made.space.name}"
    expected = run(made.space, machines=4)
    records = eventually_arrives(cluster, topic, expected)
    for record in records:
        entry = told(record)
        change = entry.WhichOneof("change")
        assert record.key.decode() == f"{made.space.name}/{entry.machine_id}"
        assert record.header("ce_specversion") == "1.0"
        assert record.header("ce_type") == f"progressor.v1.{change}"
        assert record.header("ce_source") == f"/progressor/{made.space.name}"
        assert record.header("ce_subject") == entry.machine_id
        assert record.header("ce_time") == entry.created_at.ToJsonString()
        if format == "json":
            assert json.loads(record.value) == json_format.MessageToDict(entry)
    eventually(lambda: made.counted("delivered_total") == len(records), "they are counted")


def test_one_topic_for_all_namespaces(delivering, cluster, spaces):
    made = delivering(kafka(cluster, topic="all", properties={"linger.ms": 5}))
    other = spaces(made.server.client, feed=ON)
    made.space.start("m", b"init")
    other.start("n", b"init")
    records = eventually_arrives(
        cluster, "all", {"m": ["created", "1:init"], "n": ["created", "1:init"]})
    assert {told(record).namespace for record in records} == {made.space.name, other.name}


def test_an_outage_of_all_brokers_loses_nothing(delivering, cluster):
    made = delivering(kafka(cluster))
    topic = f"progressor.{made.space.name}"
    made.space.start("before", b"init")
    eventually_arrives(cluster, topic, {"before": ["created", "1:init"]})
    for broker in (1, 2, 3):
        cluster.take_down(broker)
    expected = run(made.space, machines=3, calls=2)
    eventually(lambda: made.counted("failing") == 1, "the sink fails", timeout=60)
    made.server.says("the sink cannot deliver")
    for broker in (1, 2, 3):
        cluster.bring_up(broker)
    eventually_arrives(cluster, topic, {"before": ["created", "1:init"], **expected}, timeout=90)
    eventually(lambda: made.counted("failing") == 0, "it delivers", timeout=60)


def test_errors_and_other_leaders_keep_the_order(delivering, cluster):
    made = delivering(kafka(cluster))
    topic = f"progressor.{made.space.name}"
    cluster.create_topic(topic, partitions=2)
    cluster.answer_produce([NOT_LEADER, TIMED_OUT, NOT_ENOUGH_REPLICAS] * 5)
    expected = run(made.space, machines=5)
    for partition in (0, 1):
        cluster.lead(topic, partition, 2)
    for machine in expected:
        made.space.call(machine, b"more")
        expected[machine].append("7:more")
    eventually_arrives(cluster, topic, expected, timeout=90)


def test_what_is_too_large_holds_up_nothing(delivering, cluster):
    made = delivering(kafka(cluster, properties={"message.max.bytes": 100_000}))
    topic = f"progressor.{made.space.name}"
    made.space.start("m", b"init")
    made.space.call("m", b"x" * 200_000)
    made.space.call("m", b"after")
    made.space.start("other", b"init")
    eventually_arrives(cluster, topic, {
        "m": ["created", "1:init", "3:after"], "other": ["created", "1:init"]})
    assert made.counted("parked_total") == 1
    made.server.says("can never be delivered")


def test_a_topic_that_is_not_there_is_waited_for(delivering, cluster):
    made = delivering(kafka(cluster))
    topic = f"progressor.{made.space.name}"
    cluster.fail_topic(topic, UNKNOWN_TOPIC)
    made.space.start("m", b"init")
    eventually(lambda: made.counted("failing") == 1, "the sink fails", timeout=60)
    assert topic in made.server.says("the sink cannot deliver")
    cluster.fail_topic(topic, 0)
    eventually_arrives(cluster, topic, {"m": ["created", "1:init"]}, timeout=90)


def test_after_a_crash_it_goes_on_where_it_was(delivering, cluster):
    made = delivering(kafka(cluster))
    topic = f"progressor.{made.space.name}"
    expected = run(made.space, machines=5)
    made.server.kill()
    made.server.start()
    made.space.call("m-0", b"more")
    expected["m-0"].append("7:more")
    eventually_arrives(cluster, topic, expected)
    eventually(lambda: made.lag() == 0, "and is acknowledged")
    assert made.server.terminate() == 0
    made.server.start()
    made.space.call("m-1", b"last")
    expected["m-1"].append("7:last")
    eventually_arrives(cluster, topic, expected)
    eventually(lambda: made.counted("delivered_total") == 1, "after an orderly stop only that")


def test_a_stop_does_not_wait_for_the_brokers(delivering, cluster):
    made = delivering(kafka(cluster))
    for broker in (1, 2, 3):
        cluster.take_down(broker)
    made.space.start("m", b"init")
    made.server.client.event_sink.ListConsumers(event_sink_pb2.ListConsumersRequest())
    assert made.server.terminate(timeout=15) == 0


def test_hostile_names_arrive_as_they_are(delivering, cluster):
    made = delivering(kafka(cluster, format="json"))
    names = ['"', "\\", "a\u2028b", "\u202eevil", "e\u0301", "\u00e9", "😀", "a/b"]
    for name in names:
        made.space.start(name, b"init")
    topic = f"progressor.{made.space.name}"
    records = eventually_arrives(cluster, topic, {name: ["created", "1:init"] for name in names})
    assert {record.key.decode() for record in records} == {
        f"{made.space.name}/{name}" for name in names}
