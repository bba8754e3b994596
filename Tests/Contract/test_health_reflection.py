"""grpc.health.v1 and grpc.reflection: every gRPC tool works without flags."""

import base64
import contextlib
import json
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from support.client import fails

BUF = Path(sys.executable).with_name("buf")
SERVICES = ["progressor.v1.Automaton", "progressor.v1.Cluster", "progressor.v1.Namespaces"]
SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("service", ["", *SERVICES])
def test_check(client, service):
    request = health_pb2.HealthCheckRequest(service=service)
    assert client.health.Check(request, timeout=10).status == SERVING


def test_check_of_an_unknown_service(client):
    with fails("NOT_FOUND"):
        client.health.Check(health_pb2.HealthCheckRequest(service="no.such"), timeout=10)


def test_watch_says_the_status_at_once_and_stays_open(client):
    watch = client.health.Watch(health_pb2.HealthCheckRequest(), timeout=30)
    assert next(watch).status == SERVING
    assert watch.is_active()
    watch.cancel()
    with pytest.raises(grpc.RpcError):
        next(watch)


def test_watch_of_an_unknown_service_stays_open(client):
    watch = client.health.Watch(health_pb2.HealthCheckRequest(service="no.such"), timeout=30)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    assert watch.is_active()
    watch.cancel()


def buf_curl(*arguments: str) -> subprocess.CompletedProcess:
    """`buf curl` without a schema: it asks the server's reflection."""
    return subprocess.run(
        [str(BUF), "curl", "--protocol", "grpc", "--http2-prior-knowledge", *arguments],
        capture_output=True, text=True, timeout=60)


def test_reflection_lists_the_services(server):
    listed = buf_curl("--list-services", f"http://{server.address}")
    assert listed.returncode == 0, listed.stderr
    for service in [*SERVICES, "grpc.health.v1.Health"]:
        assert service in listed.stdout.split()


def test_reflection_lists_methods(server):
    listed = buf_curl("--list-methods", f"http://{server.address}")
    assert listed.returncode == 0, listed.stderr
    assert "progressor.v1.Automaton/Call" in listed.stdout


def test_reflection_offers_what_is_served(server, client):
    """And nothing that is answered UNIMPLEMENTED."""
    methods = buf_curl("--list-methods", f"http://{server.address}").stdout.split()
    assert len(methods) > 20
    for method in methods:
        call = client.channel.unary_stream(f"/{method}")(b"", timeout=2)
        with contextlib.suppress(grpc.RpcError):
            next(call, None)
        if method.endswith(("Watch", "ServerReflectionInfo")):
            call.cancel()  # they go on
        assert call.code() is not grpc.StatusCode.UNIMPLEMENTED, method


@pytest.mark.parametrize("version", ["grpc-v1", "grpc-v1alpha"])
def test_buf_curl_calls_through_reflection(server, space, version):
    space.start("m", b"hello")
    reply = buf_curl(
        "--reflect-protocol", version, "-d",
        json.dumps({"namespace": space.name, "id": "m"}),
        f"http://{server.address}/progressor.v1.Automaton/Get")
    assert reply.returncode == 0, reply.stderr
    machine = json.loads(reply.stdout)["machine"]
    assert (machine["id"], machine["lastEventId"]) == ("m", "1")
    assert machine["history"][0]["body"]["data"] == "aGVsbG8="


def test_buf_curl_shows_error_details(server, space):
    reply = buf_curl(
        "-d", json.dumps({"namespace": space.name, "id": "nobody"}),
        f"http://{server.address}/progressor.v1.Automaton/Get")
    assert reply.returncode != 0
    error = json.loads(reply.stderr)
    assert error["code"] == "not_found"
    (detail,) = error["details"]
    assert detail["type"] == "google.rpc.ErrorInfo"
    info = error_details_pb2.ErrorInfo.FromString(base64.b64decode(detail["value"] + "=="))
    assert (info.domain, info.reason) == ("progressor", "MACHINE_NOT_FOUND")


def test_a_simple_client_starts_and_calls_a_machine(server, space):
    body = {"namespace": space.name, "id": "m", "args": "AAEC"}
    for method in ("Start", "Call"):
        reply = buf_curl("-d", json.dumps(body),
                         f"http://{server.address}/progressor.v1.Automaton/{method}")
        assert reply.returncode == 0, reply.stderr
    assert json.loads(reply.stdout) == {"response": "AAEC"}
    assert space.events("m") == [bytes([0, 1, 2])] * 2
