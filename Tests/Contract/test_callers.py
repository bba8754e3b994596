"""What a caller may rely on that repeats a request with its idempotency key: while the first is
still running, after a crash between its commit and its reply, after the machine is gone."""

import uuid

import grpc
import pytest
from support.client import Gate, Space, fails
from support.processor import Answer, Refusal
from support.proxy import AnswerHeld, Proxy
from support.stubs import automaton_pb2
from support.waiting import eventually

OPERATIONS = ["start", "call", "notify", "repair"]


def unique(i) -> Answer:
    """An answer that is never given again."""
    return Answer(response=uuid.uuid4().bytes, events=[i.args or i.kind.encode()])


def prepare(space: Space, operation: str) -> None:
    """Machine m as the operation needs it."""
    if operation != "start":
        space.start("m", b"init")
    if operation == "repair":
        def broken(_):
            raise Refusal(grpc.StatusCode.INTERNAL, "broken")

        space.behave(broken)
        with fails("FAILED_PRECONDITION", "MACHINE_FAILED"):
            space.call("m")
    space.behave(unique)


def ask(space: Space, operation: str, args: bytes = b"asked", timeout: float = 30):
    """The request as a future, always with the same key."""
    name = operation.capitalize()
    request = getattr(automaton_pb2, f"{name}Request")(
        namespace=space.name, id="m", args=args, idempotency_key="key")
    return getattr(space.client.automaton, name).future(request, timeout=timeout)


def asked(space: Space) -> list:
    return [i for i in space.invocations("m") if i.args == b"asked" and i.kind != "notification"]


@pytest.mark.parametrize("operation", ["start", "call", "repair"])
def test_a_repeat_while_the_first_is_running_waits_for_it(space, operation):
    prepare(space, operation)
    gate = Gate()
    space.behave(lambda i: gate.wait() or unique(i))
    first = ask(space, operation)
    gate.wait_for_entry()
    repeats = [ask(space, operation) for _ in range(3)]
    impatient = ask(space, operation, timeout=0.3)
    with fails("DEADLINE_EXCEEDED"):
        impatient.result()
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT"):
        ask(space, operation, args=b"something else").result()
    gate.open()
    reply = first.result()
    assert all(repeat.result() == reply for repeat in repeats)
    assert ask(space, operation).result() == reply
    assert len(asked(space)) == 1
    assert space.events("m").count(b"asked") == 1


@pytest.mark.parametrize("operation", ["start", "call", "repair"])
def test_a_repeat_finds_the_effect_of_a_first_that_was_cancelled(space, operation):
    prepare(space, operation)
    gate = Gate()
    space.behave(lambda i: gate.wait() or unique(i))
    first = ask(space, operation)
    gate.wait_for_entry()
    first.cancel()
    repeat = ask(space, operation)
    gate.open()
    repeat.result()
    assert len(asked(space)) == 1, "what has begun runs to its commit"
    assert space.events("m").count(b"asked") == 1


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_repeat_after_remove_changes_nothing(space, operation):
    prepare(space, operation)
    reply = ask(space, operation).result()
    space.remove("m")
    assert ask(space, operation).result() == reply
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND"):
        space.get("m")
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT"):
        ask(space, operation, args=b"something else").result()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_repeat_after_a_crash_between_commit_and_reply(servers, cluster, spaces, operation):
    proxy = Proxy(cluster.port)
    try:
        server = servers("--database-url", proxy.url(cluster.url), embedded=False,
                         environment={"PROGRESSOR_LEASE": "2s"}).start()
        space = spaces(server.client)
        prepare(space, operation)
        committed = proxy.on_message(b"asked", AnswerHeld)
        first = ask(space, operation)
        committed.wait()
        server.kill()
        with fails("UNAVAILABLE"):
            first.result()
        server.start()
        ask(space, operation).result()
        eventually(lambda: space.events("m").count(b"asked") == 1, "the effect is there")
        assert len(asked(space)) == (0 if operation == "notify" else 1), "nobody asked again"
        with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT"):
            ask(space, operation, args=b"something else").result()
        assert ask(space, operation).result() == ask(space, operation).result()
        assert space.events("m").count(b"asked") == 1
    finally:
        proxy.close()
