"""What an operator sees of the whole: gauges that no restart forgets, the watchdog, the cluster."""

import functools
import json
import subprocess

import grpc
import pytest
from support.client import Gate, fails
from support.metrics import Metrics, metrics_of
from support.ports import free_port
from support.processor import Answer, Refusal, ScriptedProcessor, timer_in
from support.server import progressor
from support.stubs import cluster_pb2
from support.waiting import eventually

LEASE = 3
# Gauges are true within 15 seconds; the rest is for a machine that has much to do.
SOON = 30
FAILED = 30


def failing(i) -> Answer:
    """Each machine fails with its first call."""
    if i.kind == "call":
        raise Refusal(grpc.StatusCode.INTERNAL, "a bug")
    return Answer(events=[b"e"])


def with_timers(i) -> Answer:
    return Answer(timer=timer_in(1) if i.kind == "init" else None)


@pytest.fixture
def watched(postgres, servers):
    """Servers on the test's database whose metrics can be read, not started yet."""
    def make(name: str):
        metrics = f"127.0.0.1:{free_port()}"
        server = servers(
            "--database-url", postgres.url, "--metrics-listen", metrics, "--node-name", name,
            embedded=False, environment={"PROGRESSOR_LEASE": f"{LEASE}s"})
        return server, functools.partial(metrics_of, metrics)
    return make


def machines(metrics: Metrics, namespace: str, status: str) -> float | None:
    labels = frozenset({"namespace": namespace, "status": status}.items())
    return metrics.samples.get(("progressor_namespace_machines", labels))


def gauge(metrics: Metrics, name: str, namespace: str) -> float | None:
    labels = frozenset({("namespace", namespace)})
    return metrics.samples.get((f"progressor_namespace_{name}", labels))


def lines(server, text: str) -> list[str]:
    return [line for line in server.log.read_text().splitlines() if text in line]


def status(*servers, **options) -> subprocess.CompletedProcess:
    return progressor("status", *(a for s in servers for a in ("--server", s.address)), **options)


def test_neither_a_restart_nor_a_takeover_forgets_what_failed(watched, spaces):
    first, read = watched("first")
    first.start()
    space = spaces(first.client, failing)
    for number in range(FAILED):
        space.start(f"m{number}")
        with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
            space.call(f"m{number}")
    space.notify("m0", b"n")
    space.start("paused")
    space.pause("paused", "look")
    seen = functools.partial(machines, namespace=space.name)
    eventually(lambda: seen(read(), status="failed") == FAILED, "they are counted", SOON)
    eventually(lambda: seen(read(), status="paused") == 1, "it is counted", SOON)
    assert seen(read(), status="retrying") == 0
    eventually(lambda: gauge(read(), "queued_notifications", space.name) == 1, "queued", SOON)
    first.kill()
    first.start()
    eventually(lambda: seen(read(), status="failed") == FAILED, "counted after a restart", SOON)
    second, read_second = watched("second")
    second.start(wait=False)
    eventually(lambda: lines(second, "listening on") or lines(second, "metrics on"), "it is there")
    first.kill()
    eventually(second.client.serving, "the standby takes over", timeout=30)
    eventually(lambda: seen(read_second(), status="failed") == FAILED, "counted there", SOON)
    assert "node=first" in lines(second, "a node's shards were taken over")[0]
    assert read_second().value("progressor_watchdog_late_namespaces") == 0


def test_what_a_paused_machine_would_do_grows_old_too(watched, spaces):
    server, read = watched("node")
    server.start()
    space = spaces(server.client, with_timers)
    space.start("paused")
    space.pause("paused", "look")
    space.start("queue", b"a")
    space.pause("queue", "look")
    space.notify("queue", b"n")
    eventually(lambda: (gauge(read(), "oldest_due_seconds", space.name) or 0) > 10, "it grows", 40)
    eventually(lambda: gauge(read(), "late_machines", space.name) == 2, "both are late", 40)
    space.resume("paused")
    space.resume("queue")
    eventually(lambda: gauge(read(), "oldest_due_seconds", space.name) == 0, "it is over", SOON)


def test_one_node_counts_and_a_standby_does_not(watched, spaces):
    first, read = watched("first")
    first.start()
    space = spaces(first.client)
    standby, read_standby = watched("standby")
    standby.start(wait=False)
    eventually(lambda: gauge(read(), "oldest_due_seconds", space.name) == 0, "it counts", SOON)
    age = "progressor_census_age_seconds"
    eventually(lambda: (age, frozenset()) in read_standby().samples, "the standby looks", SOON)
    assert gauge(read_standby(), "oldest_due_seconds", space.name) is None


def test_what_a_dead_processor_holds_back_grows_old_and_the_watchdog_is_silent(watched, spaces):
    server, read = watched("node")
    server.start()
    processor = ScriptedProcessor(free_port())
    space = spaces(server.client, endpoint=processor.endpoint)
    processor.behave(space.name, with_timers)
    processor.stop()
    with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE"):
        space.start("m", timeout=2)
    processor = ScriptedProcessor(processor.port)
    processor.behave(space.name, with_timers)
    for number in range(5):
        space.start(f"m{number}")
    processor.stop()
    for number in range(5):
        space.notify(f"m{number}", b"n")
    eventually(lambda: (gauge(read(), "oldest_due_seconds", space.name) or 0) > 22, "it grows", 60)
    metrics = read()
    assert gauge(metrics, "late_machines", space.name) == 5
    assert gauge(metrics, "queued_notifications", space.name) == 5
    assert metrics.value("progressor_watchdog_late_namespaces") == 0
    assert not lines(server, "is late") and not lines(server, "still late")
    processor = ScriptedProcessor(processor.port)
    processor.behave(space.name, with_timers)
    try:
        eventually(lambda: gauge(read(), "oldest_due_seconds", space.name) == 0, "it is over", SOON)
    finally:
        processor.stop()


def test_the_watchdog_speaks_of_what_the_engine_does_not_know(watched, spaces, postgres):
    """A row that is made due behind the engine's back stands for one that it forgot."""
    server, read = watched("node")
    server.start()
    space = spaces(server.client)
    space.start("forgotten", b"a")
    # It reads a minute ahead of its look before: this is in none.
    postgres.in_schema("update machine set due_at = now() - interval '1 hour'")
    name = space.name
    late = eventually(lambda: lines(server, "the namespace is late"), "it speaks", 60)
    assert f"namespace={name}" in late[0] and "machine_id=forgotten" in late[0]
    eventually(lambda: read().value("progressor_watchdog_late_namespaces") == 1, "in a metric")
    assert gauge(read(), "late_seconds", name) >= 3_600
    postgres.in_schema("update machine set due_at = null")
    over = eventually(lambda: lines(server, "the namespace is late no more"), "it is over", 60)
    assert f"namespace={name}" in over[0]
    eventually(lambda: read().value("progressor_watchdog_late_namespaces") == 0, "no more")
    assert len(lines(server, "nothing holds back")) == 1


def test_the_watchdog_speaks_of_calls_that_wait(watched, spaces):
    server, read = watched("node")
    server.start()
    gate = Gate()

    def slow(i) -> Answer:
        if i.kind == "call":
            gate.wait()
        return Answer(response=i.args)

    space = spaces(server.client, slow, timeout=60)
    space.start("m")
    first = space.call_later("m", b"1")
    gate.wait_for_entry()
    second = space.call_later("m", b"2")
    late = eventually(lambda: lines(server, "the namespace is late"), "it speaks", 60)
    assert 'what="a request"' in late[0]
    gate.open()
    assert (first.result(), second.result()) != (None, None)
    eventually(lambda: lines(server, "late no more"), "it is over", 60)
    samples = {name for name, _ in read().samples}
    assert "grpc_server_call_started_total" in samples


def test_the_state_of_the_cluster_and_of_one_whose_node_was_killed(watched, spaces):
    first, _ = watched("a-first")
    first.start()
    second, _ = watched("b-second")
    second.start(wait=False)
    eventually(lambda: "b-second" in status(first).stdout, "both are there", SOON)
    shown = json.loads(progressor("status", "--json", "--server", first.address).stdout)
    assert [node["name"] for node in shown["nodes"]] == ["a-first", "b-second"]
    assert [node["shards"] for node in shown["nodes"]] == [1024, 0]
    assert [node["self"] for node in shown["nodes"]] == [True, False]
    assert [node["address"] for node in shown["nodes"]] == [first.address, second.address]
    assert (shown["shards"], shown["shardsUnowned"]) == (1024, 0)
    assert int(shown["database"]["sizeBytes"]) > 1 << 20
    # The standby knows as much.
    reply = second.client.cluster.Status(cluster_pb2.ClusterStatusRequest(), timeout=10)
    assert [node.self for node in reply.nodes] == [False, True]
    first.kill()
    # The first one cannot be reached: the next one is asked.
    result = status(first, second)
    assert result.returncode == 0 and "b-second" in result.stdout, result

    def taken_over() -> bool:
        reply = second.client.cluster.Status(cluster_pb2.ClusterStatusRequest(), timeout=10)
        return [(node.name, node.shards) for node in reply.nodes] == [("b-second", 1024)]

    eventually(taken_over, "the other one has the shards, and the dead one is gone", SOON)
    nobody = progressor("status", "--server", first.address, "--timeout", "2s")
    assert nobody.returncode == 69, nobody


def test_the_state_of_a_cluster_whose_database_is_away(watched, postgres):
    server, _ = watched("node")
    server.start()
    assert "node" in status(server).stdout
    postgres.stop()
    with fails("UNAVAILABLE", "STORAGE_UNAVAILABLE"):
        server.client.cluster.Status(cluster_pb2.ClusterStatusRequest(), timeout=20)
    assert status(server).returncode == 69
    postgres.start()
    eventually(lambda: status(server).returncode == 0, "it is back", SOON)


def test_calls_are_counted_under_the_names_that_grpc_has_for_them(watched, spaces):
    server, read = watched("node")
    server.start()
    space = spaces(server.client)
    before = {name for name, labels in read().samples if ("grpc_status", "OK") in labels}
    assert "grpc_client_attempt_duration_seconds_count" not in before
    space.start("m", b"x" * 5_000)
    space.call("m", b"y")
    with fails("NOT_FOUND"):
        space.get("none")
    with pytest.raises(grpc.RpcError):
        server.client.channel.unary_unary("/no.Such/Method")(b"", timeout=10)
    metrics = read()
    start = {"grpc_method": "progressor.v1.Automaton/Start"}
    assert metrics.value("grpc_server_call_started_total", **start) == 1
    assert metrics.value("grpc_server_call_started_total", grpc_method="other") == 1
    received = "grpc_server_call_rcvd_total_compressed_message_size_bytes_sum"
    assert 5_000 < metrics.value(received, **start, grpc_status="OK") < 5_200
    call = {"grpc_method": "progressor.v1.Automaton/Call", "grpc_status": "OK"}
    assert metrics.value("grpc_server_call_duration_seconds_count", **call) == 1
    sent = "grpc_server_call_sent_total_compressed_message_size_bytes_sum"
    assert metrics.value(sent, **call) == 3
    missing = {"grpc_method": "progressor.v1.Automaton/Get", "grpc_status": "NOT_FOUND"}
    assert metrics.value("grpc_server_call_duration_seconds_count", **missing) == 1
    processor = {"grpc_method": "progressor.v1.Processor/ProcessCall",
                 "grpc_target": space.processor.endpoint}
    assert metrics.value("grpc_client_attempt_started_total", **processor) == 1
    duration = "grpc_client_attempt_duration_seconds_count"
    assert metrics.value(duration, **processor, grpc_status="OK") == 1
    # What never happened has no series.
    assert not any(("grpc_status", "DATA_LOSS") in labels or ("code", "DATA_LOSS") in labels
                   for _, labels in metrics.samples)


def test_timers_are_counted_by_how_late_they_are(watched, spaces):
    server, read = watched("node")
    server.start()
    space = spaces(server.client, with_timers)
    space.start("m")
    eventually(lambda: read().value("progressor_timer_lateness_seconds_count") == 1, "it fires")
    assert read().value("progressor_timer_lateness_seconds_sum") < 5


def test_a_name_that_no_node_can_have():
    result = progressor("serve", "--node-name", "a\nb")
    assert result.returncode == 78 and "node-name" in result.stderr, result
