"""librdkafka's mock cluster, in this process: brokers on sockets that keep what they are sent, and
fail as a test says. See rdkafka_mock.h; through ctypes, so that Debian's librdkafka1 is all of it.
"""

import contextlib
import ctypes
import time
from collections.abc import Callable, Iterable, Iterator
from ctypes import POINTER, byref, c_char_p, c_int, c_int16, c_int32, c_int64, c_size_t, c_void_p
from dataclasses import dataclass

LIBRARY = "librdkafka.so.1"

# rdkafka.h
PRODUCER, CONSUMER = 0, 1
NO_ERROR = 0
OFFSET_BEGINNING = -2
DESTROY_WITHOUT_CLOSE = 0x8
POLL = 100  # milliseconds
ANSWER = 1_000  # milliseconds in which a broker tells where a partition ends

# Kafka's protocol: the key of Produce.
PRODUCE = 0

# The mock cluster makes a topic with so many partitions when somebody asks for it first.
USUAL_PARTITIONS = 4


class _Message(ctypes.Structure):
    """rd_kafka_message_t"""

    _fields_ = [
        ("err", c_int), ("rkt", c_void_p), ("partition", c_int32),
        ("payload", c_void_p), ("len", c_size_t), ("key", c_void_p), ("key_len", c_size_t),
        ("offset", c_int64), ("private", c_void_p),
    ]


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(LIBRARY)
    pointers = {
        "rd_kafka_conf_new": [], "rd_kafka_new": [c_int, c_void_p, c_char_p, c_size_t],
        "rd_kafka_mock_cluster_new": [c_void_p, c_int],
        "rd_kafka_topic_partition_list_new": [c_int],
        "rd_kafka_topic_partition_list_add": [c_void_p, c_char_p, c_int32],
    }
    numbers = {
        "rd_kafka_conf_set": [c_void_p, c_char_p, c_char_p, c_char_p, c_size_t],
        "rd_kafka_poll_set_consumer": [c_void_p], "rd_kafka_assign": [c_void_p, c_void_p],
        "rd_kafka_message_headers": [POINTER(_Message), POINTER(c_void_p)],
        "rd_kafka_header_get_all": [
            c_void_p, c_size_t, POINTER(c_char_p), POINTER(c_void_p), POINTER(c_size_t)],
        "rd_kafka_topic_partition_list_set_offset": [c_void_p, c_char_p, c_int32, c_int64],
        "rd_kafka_query_watermark_offsets": [
            c_void_p, c_char_p, c_int32, POINTER(c_int64), POINTER(c_int64), c_int],
        "rd_kafka_mock_topic_create": [c_void_p, c_char_p, c_int, c_int],
        "rd_kafka_mock_partition_set_leader": [c_void_p, c_char_p, c_int32, c_int32],
        "rd_kafka_mock_broker_set_down": [c_void_p, c_int32],
        "rd_kafka_mock_broker_set_up": [c_void_p, c_int32],
        "rd_kafka_mock_broker_set_rtt": [c_void_p, c_int32, c_int],
    }
    nothing = {
        "rd_kafka_destroy": [c_void_p], "rd_kafka_destroy_flags": [c_void_p, c_int],
        "rd_kafka_topic_partition_list_destroy": [c_void_p],
        "rd_kafka_message_destroy": [POINTER(_Message)],
        "rd_kafka_mock_cluster_destroy": [c_void_p],
        "rd_kafka_mock_topic_set_error": [c_void_p, c_char_p, c_int],
        "rd_kafka_mock_clear_request_errors": [c_void_p, c_int16],
        "rd_kafka_mock_push_request_errors_array": [c_void_p, c_int16, c_size_t, POINTER(c_int)],
    }
    for results, functions in ((c_void_p, pointers), (c_int, numbers), (None, nothing)):
        for name, arguments in functions.items():
            function = getattr(library, name)
            function.restype, function.argtypes = results, arguments
    texts = {"rd_kafka_mock_cluster_bootstraps": [c_void_p], "rd_kafka_topic_name": [c_void_p]}
    for name, arguments in texts.items():
        function = getattr(library, name)
        function.restype, function.argtypes = c_char_p, arguments
    library.rd_kafka_consumer_poll.restype = POINTER(_Message)
    library.rd_kafka_consumer_poll.argtypes = [c_void_p, c_int]
    return library


@dataclass(frozen=True)
class KafkaRecord:
    """A record as it is in a topic."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]

    def header(self, name: str) -> str | None:
        """The first of that name."""
        return next((value.decode() for key, value in self.headers if key == name), None)


class KafkaMock:
    """A cluster of so many brokers, numbered from 1, until `stop`. What is in it is gone then."""

    def __init__(self, brokers: int = 1):
        self._library = _load()
        self._partitions: dict[str, int] = {}
        self._client = self._new_client(PRODUCER, {"log_level": "0"})
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, brokers)
        assert self._cluster, "no mock cluster"

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` of each broker, with commas between."""
        return self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def create_topic(self, name: str, partitions: int = USUAL_PARTITIONS) -> None:
        """Before anybody asks for it."""
        self._checked(self._library.rd_kafka_mock_topic_create(
            self._cluster, name.encode(), partitions, 1))
        self._partitions[name] = partitions

    def fail_topic(self, name: str, code: int) -> None:
        """Who asks for the topic is told this error; 0 = none any more."""
        self._library.rd_kafka_mock_topic_set_error(self._cluster, name.encode(), code)

    def take_down(self, broker: int) -> None:
        """It accepts no connections, and those that there are end."""
        self._checked(self._library.rd_kafka_mock_broker_set_down(self._cluster, broker))

    def bring_up(self, broker: int) -> None:
        self._checked(self._library.rd_kafka_mock_broker_set_up(self._cluster, broker))

    def slow_down(self, broker: int, milliseconds: int) -> None:
        """Its answers come so much later."""
        self._checked(self._library.rd_kafka_mock_broker_set_rtt(
            self._cluster, broker, milliseconds))

    def lead(self, topic: str, partition: int, broker: int) -> None:
        """The broker leads the partition from now on."""
        self._checked(self._library.rd_kafka_mock_partition_set_leader(
            self._cluster, topic.encode(), partition, broker))

    def answer_produce(self, codes: Iterable[int]) -> None:
        """The next Produce requests are answered with these errors, each with one."""
        errors = list(codes)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, PRODUCE, len(errors), (c_int * len(errors))(*errors))

    def forget_answers(self) -> None:
        """What `answer_produce` said and was not used."""
        self._library.rd_kafka_mock_clear_request_errors(self._cluster, PRODUCE)

    def consume(self, topics: Iterable[str], enough: Callable[[list[KafkaRecord]], bool],
                deadline: float = 15.0) -> list[KafkaRecord]:
        """The topics' records from their beginning, in order in each partition, as soon as they are
        `enough`; fails when they are not after `deadline` seconds."""
        end = time.monotonic() + deadline
        records: list[KafkaRecord] = []
        with contextlib.closing(self.follow(topics)) as following:
            while not enough(records):
                assert time.monotonic() < end, (
                    f"after {deadline:g} s {len(records)} records are not enough")
                if record := next(following):
                    records.append(record)
        return records

    def follow(self, topics: Iterable[str]) -> Iterator[KafkaRecord | None]:
        """The topics' records from their beginning, in order in each partition, without end; None
        = there is no other one at present."""
        consumer = self._consumer(topics)
        try:
            while True:
                message = self._library.rd_kafka_consumer_poll(consumer, POLL)
                yield self._taken(message) if message else None
        finally:
            self._library.rd_kafka_destroy_flags(consumer, DESTROY_WITHOUT_CLOSE)

    def ends(self, topic: str) -> dict[int, int]:
        """The offset behind the last record of each partition; fails while its leader is down."""
        client = self._reader()
        low, high = c_int64(), c_int64()
        ends = {}
        try:
            for partition in range(self._partitions.get(topic, USUAL_PARTITIONS)):
                self._checked(self._library.rd_kafka_query_watermark_offsets(
                    client, topic.encode(), partition, byref(low), byref(high), ANSWER))
                ends[partition] = high.value
        finally:
            self._library.rd_kafka_destroy_flags(client, DESTROY_WITHOUT_CLOSE)
        return ends

    def stop(self) -> None:
        """Ends the cluster; a second time nothing."""
        if self._cluster:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._client)
            self._cluster = None

    def _checked(self, code: int) -> None:
        assert code == NO_ERROR, f"the mock cluster answers {code}"

    def _new_client(self, kind: int, properties: dict[str, str]) -> int:
        conf = self._library.rd_kafka_conf_new()
        text = ctypes.create_string_buffer(512)
        for name, value in properties.items():
            result = self._library.rd_kafka_conf_set(
                conf, name.encode(), value.encode(), text, len(text))
            assert result == 0, text.value.decode()
        client = self._library.rd_kafka_new(kind, conf, text, len(text))
        assert client, text.value.decode()
        return client

    def _reader(self) -> int:
        return self._new_client(CONSUMER, {
            "bootstrap.servers": self.bootstrap_servers, "group.id": "reader",
            "enable.auto.commit": "false", "log_level": "0",
            # It is there again soon after the brokers are.
            "reconnect.backoff.max.ms": "500",
        })

    def _consumer(self, topics: Iterable[str]) -> int:
        consumer = self._reader()
        self._library.rd_kafka_poll_set_consumer(consumer)
        places = self._library.rd_kafka_topic_partition_list_new(1)
        for topic in topics:
            for partition in range(self._partitions.get(topic, USUAL_PARTITIONS)):
                self._library.rd_kafka_topic_partition_list_add(places, topic.encode(), partition)
                self._library.rd_kafka_topic_partition_list_set_offset(
                    places, topic.encode(), partition, OFFSET_BEGINNING)
        self._checked(self._library.rd_kafka_assign(consumer, places))
        self._library.rd_kafka_topic_partition_list_destroy(places)
        return consumer

    def _taken(self, message: "ctypes._Pointer[_Message]") -> KafkaRecord | None:
        """What was polled, if it is a record: an error passes, the consumer goes on by itself."""
        try:
            content = message.contents
            if content.err != NO_ERROR:
                return None
            return KafkaRecord(
                topic=self._library.rd_kafka_topic_name(content.rkt).decode(),
                partition=content.partition, offset=content.offset,
                key=ctypes.string_at(content.key, content.key_len) if content.key else b"",
                value=ctypes.string_at(content.payload, content.len) if content.payload else b"",
                headers=tuple(self._headers(message)))
        finally:
            self._library.rd_kafka_message_destroy(message)

    def _headers(self, message: "ctypes._Pointer[_Message]") -> Iterable[tuple[str, bytes]]:
        headers = c_void_p()
        if self._library.rd_kafka_message_headers(message, byref(headers)) != NO_ERROR:
            return
        name, value, size, index = c_char_p(), c_void_p(), c_size_t(), 0
        while self._library.rd_kafka_header_get_all(
                headers, index, byref(name), byref(value), byref(size)) == NO_ERROR:
            yield (name.value or b"").decode(), ctypes.string_at(value, size.value)
            index += 1
