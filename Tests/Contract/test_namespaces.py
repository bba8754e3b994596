"""Namespaces: Create, Get, List; what is refused."""

import uuid

import pytest
from support.client import duration, fails, history
from support.stubs import namespaces_pb2


@pytest.fixture
def name():
    return f"namespace-{uuid.uuid4().hex[:8]}"


def get(client, name):
    request = namespaces_pb2.GetNamespaceRequest(name=name)
    return client.namespaces.Get(request, timeout=30).namespace


def test_create_get_list(client, name):
    created = client.create_namespace(
        name, "127.0.0.1:1", timeout=5,
        retry_policy=namespaces_pb2.RetryPolicy(
            initial_interval=duration(0.25), multiplier=1.5, max_interval=duration(60),
            max_attempts=0, jitter=0, non_retryable=["RESOURCE_EXHAUSTED", "MY_REASON"]),
        limits=namespaces_pb2.Limits(mailbox=1, steps_in_flight=2, notifications=3),
        default_history_range=history(limit=0), idempotency_retention=duration(3600))
    assert created.name == name
    assert created.version == 1
    assert get(client, name) == created
    assert created.retry_policy.HasField("max_attempts"), "0 is not absent"
    assert created.retry_policy.max_attempts == 0
    assert created.retry_policy.HasField("jitter")
    assert list(created.retry_policy.non_retryable) == ["RESOURCE_EXHAUSTED", "MY_REASON"]
    assert created.processor.timeout == duration(5)
    assert created.limits == namespaces_pb2.Limits(mailbox=1, steps_in_flight=2, notifications=3)
    assert created.default_history_range.HasField("limit")
    everything = client.namespaces.List(namespaces_pb2.ListNamespacesRequest(), timeout=30)
    names = [n.name for n in everything.namespaces]
    assert names == sorted(names, key=str.encode)
    assert created in everything.namespaces


def test_create_of_an_existing_one(client, name):
    client.create_namespace(name, "127.0.0.1:1")
    with fails("ALREADY_EXISTS", "NAMESPACE_ALREADY_EXISTS"):
        client.create_namespace(name, "127.0.0.1:2")
    assert get(client, name).processor.endpoint == "127.0.0.1:1"


def test_get_of_an_unknown_one(client, name):
    with fails("NOT_FOUND", "NAMESPACE_NOT_FOUND"):
        get(client, name)


def retry(**fields):
    return dict(retry_policy=namespaces_pb2.RetryPolicy(**fields))


def limits(**fields):
    return dict(limits=namespaces_pb2.Limits(**fields))


@pytest.mark.parametrize("options, field", [
    (dict(timeout=0), "processor.timeout"),
    (dict(timeout=-1), "processor.timeout"),
    (retry(initial_interval=duration(-1)), "retry_policy.initial_interval"),
    (retry(max_interval=duration(-1)), "retry_policy.max_interval"),
    (retry(multiplier=0.5), "retry_policy.multiplier"),
    (retry(multiplier=float("nan")), "retry_policy.multiplier"),
    (retry(multiplier=float("inf")), "retry_policy.multiplier"),
    (retry(max_attempts=-1), "retry_policy.max_attempts"),
    (retry(jitter=1.5), "retry_policy.jitter"),
    (retry(jitter=-0.1), "retry_policy.jitter"),
    (retry(jitter=float("nan")), "retry_policy.jitter"),
    (limits(mailbox=0), "limits.mailbox"),
    (limits(steps_in_flight=-1), "limits.steps_in_flight"),
    (limits(notifications=0), "limits.notifications"),
    (dict(default_history_range=history(after=-1)), "default_history_range.after"),
    (dict(idempotency_retention=duration(-1)), "idempotency_retention"),
])
def test_impossible_options(client, name, options, field):
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failure:
        client.create_namespace(name, "127.0.0.1:1", **options)
    assert field in failure[0].message
    with fails("NOT_FOUND", "NAMESPACE_NOT_FOUND"):
        get(client, name)


@pytest.mark.parametrize("endpoint", [
    "", "localhost", "localhost:", ":80", "localhost:0", "localhost:65536", "localhost:x",
    "ipv4:localhost:80", "ipv6:::1:80", "unix:", "http://localhost:80",
])
def test_impossible_endpoints(client, name, endpoint):
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failure:
        client.create_namespace(name, endpoint)
    assert "processor.endpoint" in failure[0].message


@pytest.mark.parametrize("endpoint", [
    "localhost:{port}", "dns:localhost:{port}", "ipv4:127.0.0.1:{port}", "127.0.0.1:{port}",
])
def test_each_form_of_endpoint_is_called(client, spaces, processor, endpoint):
    space = spaces(client, endpoint=endpoint.format(port=processor.port))
    space.start("m", b"x")
    assert space.events("m") == [b"x"]


def test_a_namespace_without_processor(client, name):
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failure:
        request = namespaces_pb2.CreateNamespaceRequest(
            namespace=namespaces_pb2.Namespace(name=name))
        client.namespaces.Create(request, timeout=30)
    assert "processor" in failure[0].message
