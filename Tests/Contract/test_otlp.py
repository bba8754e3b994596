"""Traces in a collector: a span for each call, step and batch, and nobody who waits for them."""

import os
import threading
import time

import grpc
import pytest
from support.certificates import Authority
from support.collector import Collector, take
from support.metrics import metrics_of
from support.ports import free_port
from support.processor import Answer, Refusal, timer_in
from support.server import progressor
from support.stubs import automaton_pb2
from support.waiting import eventually

# Spans leave five seconds after they were made, if not before; the rest is for a busy machine.
SOON = 30
# What a call takes at most that waits for no collector.
QUICK = 5


def new_trace(sampled: bool = True) -> tuple[str, str, str]:
    """The ids of a trace and of a span in it, and the header that says so."""
    trace, span = os.urandom(16).hex(), os.urandom(8).hex()
    return trace, span, f"00-{trace}-{span}-{'01' if sampled else '00'}"


class Traced:
    """A server that sends its spans to a collector."""

    def __init__(self, servers, spaces, collector: Collector, *arguments: str, **environment: str):
        self._metrics = f"127.0.0.1:{free_port()}"
        self.collector = collector
        self.server = servers(
            "--metrics-listen", self._metrics, "--otlp-endpoint", collector.endpoint, *arguments,
            environment=environment).start()
        self.space = spaces(self.server.client)

    @property
    def metrics(self):
        return metrics_of(self._metrics)

    def dropped(self, reason: str) -> float:
        return self.metrics.value("progressor_spans_dropped_total", reason=reason)

    @property
    def exported(self) -> float:
        return self.metrics.value("progressor_spans_exported_total")

    def lines(self, text: str) -> list[str]:
        return [line for line in self.server.log.read_text().splitlines() if text in line]

    def crowd(self, spans: int) -> None:
        """Makes at least so many spans, as fast as it goes: reads, which have one each."""
        request = automaton_pb2.GetRequest(namespace=self.space.name, id="m")
        futures = [self.server.client.automaton.Get.future(request, timeout=60)
                   for _ in range(spans)]
        for future in futures:
            future.result()


@pytest.fixture
def collectors():
    """Makes collectors, not started yet."""
    made: list[Collector] = []

    def make(*arguments, **options) -> Collector:
        made.append(Collector(*arguments, **options))
        return made[-1]

    yield make
    for collector in made:
        collector.stop()


@pytest.fixture
def traced(servers, spaces):
    def make(collector: Collector, *arguments: str, **environment: str) -> Traced:
        return Traced(servers, spaces, collector, *arguments, **environment)
    return make


def handed_on(space, machine: str, kind: str, last: bool = False) -> str:
    """The `traceparent` that the processor saw in the only step of the kind, or the last one."""
    seen = [i for i in space.invocations(machine) if i.kind == kind]
    assert last or len(seen) == 1
    return seen[-1].metadata["traceparent"]


def test_a_call_is_followed_from_its_client_to_the_processor_and_the_database(traced, collectors):
    collector = collectors().start()
    server = traced(collector, OTEL_SERVICE_NAME="orders", PROGRESSOR_NODE_NAME="n1")
    space = server.space
    space.start("m")
    trace, client, header = new_trace()
    space.call("m", b"x", metadata=[("traceparent", header), ("tracestate", "vendor=1")])

    [call] = eventually(lambda: collector.spans(trace=trace, kind="server"), "it is there", SOON)
    [asked] = eventually(lambda: collector.spans(trace=trace, kind="client"), "it is there", SOON)
    assert (call.span.name, call.parent) == ("progressor.v1.Automaton/Call", client)
    assert (asked.span.name, asked.parent) == ("progressor.v1.Processor/ProcessCall", call.id)
    assert handed_on(space, "m", "call") == f"00-{trace}-{asked.id}-01"
    [step] = [i for i in space.invocations("m") if i.kind == "call"]
    assert step.metadata["tracestate"] == "vendor=1"
    assert call.span.trace_state == asked.span.trace_state == "vendor=1"
    assert call.span.start_time_unix_nano <= asked.span.start_time_unix_nano
    assert asked.span.end_time_unix_nano <= call.span.end_time_unix_nano
    assert abs(call.span.end_time_unix_nano / 1e9 - time.time()) < 120

    [commit] = eventually(
        lambda: [each for each in collector.spans(name="commit") if call.id in each.links],
        "the batch is there", SOON)
    assert commit.attributes["progressor.outcome"] == "committed"
    assert commit.attributes["progressor.records"] >= 1
    assert not commit.parent and commit.span.trace_id.hex() != trace

    port = int(space.processor.port)
    assert call.attributes == {
        "rpc.system": "grpc", "rpc.service": "progressor.v1.Automaton", "rpc.method": "Call",
        "progressor.namespace": space.name, "progressor.machine_id": "m",
        "rpc.grpc.status_code": 0}
    assert asked.attributes == {
        "rpc.system": "grpc", "rpc.service": "progressor.v1.Processor",
        "rpc.method": "ProcessCall", "progressor.namespace": space.name,
        "progressor.machine_id": "m", "progressor.step": step.step, "progressor.attempt": 1,
        "rpc.grpc.status_code": 0, "server.address": "127.0.0.1", "server.port": port}
    assert call.resource["service.name"] == "orders"
    assert call.resource["service.instance.id"] == "n1"
    assert call.resource["service.version"]

    # A call without a trace begins one, and what is recorded of the machine has its id.
    space.call("m", b"y")
    [own] = eventually(
        lambda: [each for each in collector.spans(name="progressor.v1.Automaton/Call")
                 if each.id != call.id], "it is there", SOON)
    assert own.parent == "" and own.span.trace_id.hex() != trace
    assert handed_on(space, "m", "call", last=True).startswith(f"00-{own.span.trace_id.hex()}-")
    assert not collector.spans(name="grpc.health.v1.Health/Check")


def test_timers_and_notifications_belong_to_the_trace_of_who_made_them(traced, collectors):
    collector = collectors().start()
    server = traced(collector)
    space = server.space
    refused = threading.Event()

    def behaviour(i) -> Answer:
        if i.kind == "timeout" and not refused.is_set():
            refused.set()
            raise Refusal(grpc.StatusCode.UNAVAILABLE, "not yet")
        return Answer(events=[b"e"], timer=timer_in(0.2) if i.kind == "call" else None)

    space.behave(behaviour)
    space.start("m")
    trace, _, header = new_trace()
    space.call("m", metadata=[("traceparent", header)])
    eventually(lambda: len(space.invocations("m")) >= 4, "the timer came twice", SOON)
    other, sender, second = new_trace()
    space.notify("m", b"n", metadata=[("traceparent", second)])

    [call] = eventually(lambda: collector.spans(trace=trace, kind="server"), "it is there", SOON)
    signals = eventually(
        lambda: (found := collector.spans(name="progressor.v1.Processor/ProcessSignal",
                                          trace=trace))[1:] and found, "both attempts", SOON)
    signals.sort(key=lambda each: each.attributes["progressor.attempt"])
    assert [each.attributes["progressor.attempt"] for each in signals] == [1, 2]
    assert [each.parent for each in signals] == [call.id, call.id]
    assert [each.attributes.get("error.type") for each in signals] == ["UNAVAILABLE", None]
    parents = [i.metadata["traceparent"] for i in space.invocations("m") if i.kind == "timeout"]
    assert parents == [f"00-{trace}-{each.id}-01" for each in signals]

    [notify] = eventually(lambda: collector.spans(trace=other, kind="server"), "it is there", SOON)
    [delivery] = eventually(
        lambda: collector.spans(trace=other, kind="client"), "it is there", SOON)
    assert (notify.parent, delivery.parent) == (sender, notify.id)


def test_who_says_that_a_trace_is_not_recorded_is_heard(traced, collectors):
    collector = collectors().start()
    server = traced(collector)
    space = server.space
    space.start("m")
    trace, _, header = new_trace(sampled=False)
    space.call("m", metadata=[("traceparent", header)])
    assert handed_on(space, "m", "call") == header
    after, _, recorded = new_trace()
    space.call("m", metadata=[("traceparent", recorded)])
    eventually(lambda: collector.spans(trace=after, kind="client"), "what came later", SOON)
    assert not collector.spans(trace=trace)


def test_a_sampler_decides_where_nobody_has(traced, collectors):
    collector = collectors().start()
    server = traced(collector, OTEL_TRACES_SAMPLER="parentbased_always_off")
    space = server.space
    space.start("m")
    assert handed_on(space, "m", "init").endswith("-00")
    trace, _, header = new_trace()
    space.call("m", metadata=[("traceparent", header)])
    eventually(lambda: collector.spans(trace=trace, kind="client"), "what is recorded", SOON)
    assert {each.span.trace_id.hex() for each in collector.spans() if each.span.name != "commit"} \
        == {trace}


def test_without_a_collector_a_trace_is_handed_on_as_it_came(space):
    _, _, header = new_trace()
    space.start("m", metadata=[("traceparent", header)])
    space.start("other")
    assert handed_on(space, "m", "init") == header
    [init] = space.invocations("other")
    assert "traceparent" not in init.metadata


def test_a_collector_that_is_away_costs_spans_and_nothing_else(traced, collectors):
    collector = collectors()
    server = traced(collector)
    space = server.space
    space.start("m")
    eventually(lambda: server.lines("spans cannot be exported"), "the log says so", SOON)
    while server.dropped("full") == 0:
        server.crowd(2000)
    began = time.monotonic()
    space.call("m", b"x")
    assert time.monotonic() - began < QUICK
    collector.start()
    trace, _, header = new_trace()
    eventually(lambda: server.lines("spans are exported again"), "the log says so", SOON)
    space.call("m", metadata=[("traceparent", header)])
    eventually(lambda: collector.spans(trace=trace, kind="client"), "new spans come", SOON)
    assert len(server.lines("spans cannot be exported")) == 1
    assert server.exported > 0


def test_a_collector_that_never_answers_or_refuses_for_ever_keeps_nobody(traced, collectors):
    released = threading.Event()

    def hang(request, context):
        released.wait(60)
        return take(request, context)

    def refuse(request, context):
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "no")

    collector = collectors(hang).start()
    server = traced(collector)
    space = server.space
    space.start("m")
    eventually(lambda: collector.asked, "the collector is asked", SOON)
    began = time.monotonic()
    space.call("m", b"x")
    assert time.monotonic() - began < QUICK
    eventually(lambda: server.lines("DEADLINE_EXCEEDED"), "it is given up", SOON)
    collector.answer = refuse
    released.set()
    eventually(lambda: server.dropped("refused"), "spans are refused", SOON)
    collector.answer = take
    trace, _, header = new_trace()
    space.call("m", metadata=[("traceparent", header)])
    eventually(lambda: collector.spans(trace=trace, kind="client"), "new spans come", SOON)


def test_a_collector_that_hangs_does_not_hold_up_the_end(traced, collectors):
    collector = collectors(lambda request, context: threading.Event().wait(20)).start()
    server = traced(collector)
    server.space.start("m")
    eventually(lambda: collector.asked, "the collector is asked", SOON)
    began = time.monotonic()
    assert server.server.terminate() == 0
    assert time.monotonic() - began < 15


def test_https_with_an_authority_of_its_own_and_headers(traced, collectors, tmp_path):
    authority = Authority(tmp_path / "tls", "authority")
    shown = authority.sign("collector", "DNS:localhost")
    credentials = grpc.ssl_server_credentials([(shown.key.read_bytes(), shown.pem)])
    collector = collectors(credentials=credentials).start()
    server = traced(
        collector, OTEL_EXPORTER_OTLP_CERTIFICATE=str(authority.file),
        OTEL_EXPORTER_OTLP_HEADERS="api-key=se%2Ccret", OTEL_EXPORTER_OTLP_COMPRESSION="gzip")
    server.space.start("m")
    span = eventually(collector.spans, "spans come", SOON)[0]
    assert span.metadata["api-key"] == "se,cret"
    assert span.metadata["user-agent"].startswith("progressor/")
    assert "se,cret" not in server.server.log.read_text()


def test_a_collector_whom_nobody_vouches_for_gets_nothing(traced, collectors, tmp_path):
    authority = Authority(tmp_path / "tls", "authority")
    stranger = Authority(tmp_path / "tls", "stranger")
    shown = stranger.sign("collector", "DNS:localhost")
    credentials = grpc.ssl_server_credentials([(shown.key.read_bytes(), shown.pem)])
    collector = collectors(credentials=credentials).start()
    server = traced(collector, "--otlp-certificate", str(authority.file))
    server.space.start("m")
    eventually(lambda: server.lines("spans cannot be exported"), "the log says so", SOON)
    assert not collector.spans()


@pytest.mark.parametrize("environment, words", [
    ({"OTEL_TRACES_SAMPLER": "jaeger_remote"}, "OTEL_TRACES_SAMPLER: must be one of"),
    ({"OTEL_TRACES_SAMPLER_ARG": "2"}, "OTEL_TRACES_SAMPLER_ARG: must be a number"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://h:1",
      "OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere.pem"}, "/nowhere.pem"),
])
def test_what_cannot_be_meant_is_refused_with_its_variable(environment, words, tmp_path):
    everything = {"PROGRESSOR_OTLP_ENDPOINT": "https://h:1", **environment}
    result = progressor("serve", "--data-dir", str(tmp_path / "data"), "--listen",
                        f"127.0.0.1:{free_port()}", environment=everything)
    assert result.returncode == 78 and words in result.stderr, result


@pytest.mark.parametrize("environment, words", [
    ({"OTEL_TRACES_SAMPLER": "xray"}, "OTEL_TRACES_SAMPLER: must be one of"),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "tcp://h:1"}, "OTEL_EXPORTER_OTLP_ENDPOINT: must be http"),
    ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
     "OTEL_EXPORTER_OTLP_PROTOCOL: must be one of"),
])
def test_variables_that_are_meant_for_others_are_a_warning(environment, words, servers, spaces):
    everything = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:1", **environment}
    server = servers(environment=everything).start()
    spaces(server.client).start("m")
    server.says(words)
    server.says("no traces are sent")
    checked = progressor("config", "show", environment=everything)
    assert checked.returncode == 0 and words in checked.stderr, checked
