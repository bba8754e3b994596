"""What may be an id, and how large things may be."""

import pytest
from support.client import Space, fails, history
from support.processor import Answer, content
from support.waiting import eventually

MEBIBYTE = 1 << 20

IDS = [
    "x",
    "x" * 256,
    "ж" * 128,
    "😀" * 64,
    "e\u0301\u202e‮ and \u2028 and \ufeff",
    " leading and trailing ",
    "a/b?c=d&e#f%20\\'\";--",
    "\u0080\u009f",
    "null", "NaN", "-1", "..", "*", "%", "_",
]


@pytest.mark.parametrize("id", IDS, ids=range(len(IDS)))
def test_any_text_of_1_to_256_bytes_is_an_id(space, id):
    space.start(id, b"a")
    assert space.call(id, b"b") == b"b"
    space.notify(id, b"c")
    eventually(lambda: space.events(id) == [b"a", b"b", b"c"], "the notification is processed")
    assert space.get(id).id == id
    assert {i.machine.id for i in space.invocations()} == {id}
    assert space.ids(prefix=id) == [id]
    space.remove(id)
    with fails("NOT_FOUND", "MACHINE_NOT_FOUND", about=(space.name, id)):
        space.get(id)


def test_ids_are_told_apart_byte_by_byte(space):
    close = ["a", "A", "a ", "à", "a\u0300", "ａ", "a%", "a_"]
    for number, id in enumerate(close):
        space.start(id, b"%d" % number)
    assert [space.events(id) for id in close] == [[b"%d" % n] for n in range(len(close))]
    assert space.ids() == sorted(close, key=str.encode)


BAD = ["", "x" * 257, "ж" * 128 + "x", "a\0b", "a\nb", "\t", "\x1f", "\x7f"]


@pytest.mark.parametrize("id", BAD, ids=range(len(BAD)))
@pytest.mark.parametrize("operation", ["start", "call", "notify", "get", "remove"])
def test_anything_else_is_refused_by_name(space, operation, id):
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failure:
        getattr(space, operation)(id)
    assert failure[0].message.startswith("id"), failure[0].message
    assert space.invocations() == []


@pytest.mark.parametrize("key", ["k" * 257, "a\0b", "a\nb"], ids=["long", "nul", "newline"])
@pytest.mark.parametrize("operation", ["start", "call", "notify"])
def test_idempotency_keys_have_the_same_rules(space, operation, key):
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failure:
        getattr(space, operation)("m", key=key)
    assert failure[0].message.startswith("idempotency_key"), failure[0].message


@pytest.mark.parametrize("name", ["", "n" * 257, "a\nb"], ids=["empty", "long", "newline"])
def test_namespaces_have_the_same_rules(client, space, name):
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT") as failure:
        Space(client, space.processor, name).get("m")
    assert failure[0].message.startswith("namespace"), failure[0].message
    with fails("INVALID_ARGUMENT", "INVALID_ARGUMENT"):
        client.create_namespace(name, "127.0.0.1:1")


@pytest.mark.parametrize("size", [0, 1, 2 * MEBIBYTE], ids=["empty", "one byte", "2 MiB"])
def test_payloads_arrive_as_they_were_sent(space, size):
    pattern = bytes(range(256)) * (size // 256) if size > 256 else b"\0" * size
    space.behave(lambda i: Answer(
        response=i.args, events=[i.args], aux_state=content(i.args, 1)))
    space.start("m", pattern)
    assert space.call("m", pattern, range=history(limit=1)) == pattern
    space.notify("m", pattern, range=history(limit=0))
    eventually(lambda: space.get("m", history(limit=0)).last_event_id == 3, "it is delivered")
    machine = space.get("m")
    assert [e.body.data == pattern for e in machine.history] == [True] * 3
    assert machine.aux_state.data == pattern
    assert [i.args == pattern for i in space.invocations("m")] == [True] * 3
    assert space.invocations("m")[1].machine.history[0].body.data == pattern


def test_a_thousand_events_of_one_step_are_committed_at_once(space):
    space.behave(lambda i: Answer(events=[b"%d" % n for n in range(1000)]))
    space.start("m")
    assert space.events("m") == [b"%d" % n for n in range(1000)]


@pytest.fixture
def heavy(space):
    """A machine whose whole history is larger than a message may be."""
    space.behave(lambda i: Answer(
        events=[bytes(2 * MEBIBYTE)] if i.args == b"grow" else [], response=b"seen"))
    space.start("m")
    for _ in range(9):
        space.call("m", b"grow", range=history(limit=0))
    return space


def test_a_machine_larger_than_a_message_is_read_by_range(heavy):
    with fails("RESOURCE_EXHAUSTED", "HISTORY_TOO_LARGE", about=(heavy.name, "m")):
        heavy.get("m")
    assert [e.id for e in heavy.get("m", history(after=2, limit=3)).history] == [3, 4, 5]


def test_a_call_on_it_asks_for_a_range_and_changes_nothing(heavy):
    before = len(heavy.invocations("m"))
    with fails("RESOURCE_EXHAUSTED", "HISTORY_TOO_LARGE"):
        heavy.call("m")
    assert len(heavy.invocations("m")) == before
    assert heavy.status("m") == "working"
    assert heavy.call("m", range=history(limit=1)) == b"seen"


def test_a_notification_on_it_fails_it(heavy):
    heavy.notify("m", b"n")
    eventually(lambda: heavy.status("m") == "failed", "the notification cannot be delivered")
    failed = heavy.get("m", history(limit=0)).status.failed
    assert failed.code == 8  # RESOURCE_EXHAUSTED
    assert failed.step_kind == 3  # notification


def test_a_request_over_the_message_limit_is_refused(space):
    space.start("m")
    with fails("RESOURCE_EXHAUSTED"):
        space.call("m", bytes(17 * MEBIBYTE))
    assert space.call("m", b"still there") == b"still there"
