"""Namespaces: Create, Get, List, Update; what is refused. Delete: test_delete_namespace."""

import uuid

import pytest
from support.client import Gate, duration, fails, history
from support.processor import Answer
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


def update(client, namespace, **changes):
    changed = namespaces_pb2.Namespace()
    changed.CopyFrom(namespace)
    for name, value in changes.items():
        setattr(changed, name, value)
    return client.namespaces.Update(
        namespaces_pb2.UpdateNamespaceRequest(namespace=changed), timeout=30).namespace


def test_update_replaces_everything_but_the_pause(client, name):
    created = client.create_namespace(
        name, "127.0.0.1:1", timeout=5, max_in_flight=3,
        limits=namespaces_pb2.Limits(mailbox=1), idempotency_retention=duration(60))
    client.namespaces.Pause(namespaces_pb2.PauseNamespaceRequest(name=name, reason="r"), timeout=30)
    paused = get(client, name)
    plain = namespaces_pb2.Namespace(
        name=name, version=paused.version,
        processor=namespaces_pb2.ProcessorOptions(endpoint="127.0.0.1:2"))
    updated = client.namespaces.Update(
        namespaces_pb2.UpdateNamespaceRequest(namespace=plain), timeout=30).namespace
    assert updated == get(client, name)
    assert updated.version == paused.version + 1 == created.version + 2
    assert updated.paused == paused.paused, "a pause is ended by Resume alone"
    assert updated.processor == plain.processor
    assert not updated.HasField("idempotency_retention") and not updated.limits.HasField("mailbox")


def test_update_by_a_version_that_is_not_the_stored_one_changes_nothing(client, name):
    created = client.create_namespace(name, "127.0.0.1:1")
    created.processor.max_in_flight = 5
    second = update(client, created)
    assert second.version == 2 and second.processor.max_in_flight == 5
    for version in (1, 3, 2**62):
        created.processor.max_in_flight = 6
        with fails("ABORTED", "NAMESPACE_VERSION_MISMATCH") as failures:
            update(client, created, version=version)
        assert failures[0].info.metadata["version"] == "2"
        assert failures[0].info.metadata["namespace"] == name
    assert get(client, name) == second
    third = update(client, created, version=0)
    assert third.version == 3 and third.processor.max_in_flight == 6
    assert update(client, third) == third, "no change is none"


def test_update_of_an_unknown_one_and_impossible_ones(client, name):
    plain = namespaces_pb2.Namespace(
        name=name, processor=namespaces_pb2.ProcessorOptions(endpoint="127.0.0.1:1"))
    with fails("NOT_FOUND", "NAMESPACE_NOT_FOUND"):
        update(client, plain)
    created = client.create_namespace(name, "127.0.0.1:1")
    with fails("INVALID_ARGUMENT") as failures:
        update(client, created, version=-1)
    assert "version" in failures[0].message
    created.processor.endpoint = "nowhere"
    with fails("INVALID_ARGUMENT") as failures:
        update(client, created)
    assert "processor.endpoint" in failures[0].message
    assert get(client, name).processor.endpoint == "127.0.0.1:1"


def test_an_update_holds_for_what_begins_after_it(client, spaces, processor):
    gate = Gate()

    def behave(invocation):
        if invocation.args == b"slow":
            gate.wait()
        return Answer(response=b"%.0f" % invocation.time_remaining)

    space = spaces(client, behave, timeout=20)
    space.start("m")
    space.start("n")
    slow = space.call_later("m", b"slow")
    gate.wait_for_entry()
    changed = get(client, space.name)
    changed.processor.timeout.CopyFrom(duration(5))
    changed.limits.mailbox = 1
    update(client, changed)
    assert float(space.call("n", b"x")) <= 5
    gate.open()
    assert float(slow.result().response) > 5, "it ends under what it began with"
    changed = get(client, space.name)
    changed.processor.endpoint = "127.0.0.1:1"
    update(client, changed)
    with fails("UNAVAILABLE", "PROCESSOR_UNAVAILABLE"):
        space.call("n", timeout=2)
    changed = get(client, space.name)
    changed.processor.endpoint = processor.endpoint
    update(client, changed)
    assert float(space.call("n", b"x")) <= 5


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
    (limits(messages=0), "limits.messages"),
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
