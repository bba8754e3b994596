"""Clients that cancel, do not read, or send what costs them nothing: what the server does and holds
for them is bounded, and others are served."""

import contextlib
import os
import struct
import threading
import zlib

import grpc
import pytest
from support.client import Client, Gate, Space
from support.http2 import (
    ACK,
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    RST_STREAM,
    SETTINGS,
    RawConnection,
    frame,
    headers,
    literal,
    reference,
    request_block,
    window_update,
)
from support.processor import Answer, Invocation, echo
from support.stubs import automaton_pb2
from support.waiting import eventually

GET = "/progressor.v1.Automaton/Get"
CALL = "/progressor.v1.Automaton/Call"


def held(gate: Gate):
    """Calls wait in the processor until the gate opens; anything else is answered at once."""
    def behave(invocation: Invocation) -> Answer:
        if invocation.kind == "call":
            gate.wait()
        return echo(invocation)
    return behave


def test_calls_that_are_cancelled_count_until_their_processor_is_done(measured, spaces):
    server = measured(streams="8")
    gate = Gate()
    space = spaces(server.client, held(gate))
    other = spaces(Client(server.client.address))
    other.start("m")
    for number in range(40):
        space.start(f"m{number}")
    begun = 0
    for number in range(40):
        call = space.call_later(f"m{number}", b"c", timeout=5)
        while not call.done() and not gate.entered.acquire(timeout=0.05):
            pass
        begun += not call.done()
        call.cancel()
    invoked = [seen for seen in space.invocations() if seen.kind == "call"]
    assert begun == len(invoked) == 8, "what runs for a client that cancels is what it may have"
    assert server.metrics.refused("streams") >= 32
    assert other.call("m", b"undisturbed") == b"undisturbed"
    gate.open()
    eventually(lambda: call_succeeds(space, "m39"), "its calls are served again")


def call_succeeds(space: Space, id: str) -> bool:
    try:
        return space.call(id, b"again") == b"again"
    except grpc.RpcError:
        return False


def test_answers_that_are_not_read_stay_within_their_budget(measured, spaces):
    """Window 0 and many Gets of a large machine: they wait unread and unmade, and are served
    later."""
    server = measured()
    space = spaces(server.client)
    large = os.urandom(1_000_000) * 8
    space.start("large", large)
    space.start("small")
    assert space.get("large").last_event_id == 1
    before = server.resident
    request = automaton_pb2.GetRequest(namespace=space.name, id="large").SerializeToString()
    streams = range(1, 161, 2)
    with RawConnection(server.server.port, initial_window=0) as deaf:
        for stream in streams:
            deaf.call(stream, GET, request)
        eventually(lambda: server.metrics.value(
            "progressor_limit_used", limit="unread_size") > 50e6, "answers wait")
        for _ in range(20):
            assert space.call("small", b"x") == b"x"
        metrics = server.metrics
        assert metrics.value("progressor_limit_used", limit="unread_size") <= 64 << 20
        assert server.resident - before < 120 << 20, "the budget and some more"
        deaf.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, (1 << 31) - 1))
                  + window_update(0, (1 << 31) - 1 - 65535))
        received = deaf.read_until_ended(len(streams))
    assert sorted(received) == list(streams)
    assert all(count > len(large) for count in received.values())
    eventually(lambda: server.metrics.value(
        "progressor_limit_used", limit="unread_size") == 0, "all bytes are given back")
    assert metrics.refused("connection_unread_size") == 0


def test_header_fields_that_cost_a_client_nothing_are_charged(measured, spaces):
    """16 KiB of metadata for each call, sent as four references into HPACK's table."""
    server = measured(pending_size="32MiB")
    space = spaces(server.client)
    space.start("m")
    before = server.resident
    block = request_block(CALL)
    with contextlib.ExitStack() as stack:
        sent = 0
        for _ in range(8):
            hostile = stack.enter_context(RawConnection(server.server.port))
            first = block + literal("x-a", b"a" * 3900, indexed=True)
            data = headers(1, first) + b"".join(
                headers(stream, block + reference(62) * 4) for stream in range(3, 2000, 2))
            hostile.send(data)
            sent += len(data)
        assert sent < 2 << 20
        eventually(lambda: server.metrics.refused("pending_size") > 4_000, "most are refused")
        used = server.metrics.value("progressor_limit_used", limit="pending_size")
        assert 24 << 20 < used <= 32 << 20
        assert server.resident - before < 80 << 20
    eventually(lambda: server.metrics.value(
        "progressor_limit_used", limit="pending_size") == 0, "all bytes are given back")
    assert space.call("m", b"served") == b"served"


def test_large_answers_that_are_not_read_are_in_no_other_calls_way(measured, spaces):
    """On the same connection: streams are independent of each other."""
    server = measured()
    space = spaces(server.client)
    space.start("large", os.urandom(1 << 20) * 4)
    space.start("small")
    get = automaton_pb2.GetRequest(namespace=space.name, id="large").SerializeToString()
    call = space.call_request("small", b"x").SerializeToString()
    with RawConnection(server.server.port, initial_window=0) as client:
        client.send(window_update(0, 1 << 30))
        for stream in range(1, 11, 2):
            client.call(stream, GET, get)
        eventually(lambda: server.metrics.value(
            "progressor_limit_used", limit="unread_size") > 5 << 22, "they wait")
        for stream in range(11, 31, 2):
            client.call(stream, CALL, call)
            client.send(window_update(stream, 65535))
        assert set(client.read_until_ended(10)) == set(range(11, 31, 2))


@pytest.mark.alone
def test_messages_that_unfold_hold_up_nobody(measured, spaces):
    """A hundred of 64 MiB, sent as 64 KiB each, on one connection, and some that fit the limit."""
    server = measured()
    space = spaces(server.client)
    space.start("m")
    before = server.resident
    bombs = [gzipped(bytes(64 << 20))] * 100 + [gzipped(bytes(15 << 20))] * 20
    block = request_block(CALL) + literal("grpc-encoding", b"gzip")
    with RawConnection(server.server.port) as hostile:
        hostile.socket.settimeout(60)
        sender = threading.Thread(target=send_all, args=(hostile, block, bombs))
        sender.start()
        for number in range(50):
            assert space.call("m", b"%d" % number, timeout=5) == b"%d" % number
        ended = 0
        for type, flags, _, _ in hostile.frames():
            assert type != GOAWAY
            ended += type in (DATA, HEADERS) and flags & END_STREAM
            if ended == len(bombs):
                break
        sender.join()
    assert server.resident - before < 256 << 20
    eventually(lambda: server.metrics.value(
        "progressor_limit_used", limit="pending_size") == 0, "all bytes are given back")


def gzipped(data: bytes) -> bytes:
    """A gRPC message, compressed."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = deflate.compress(data) + deflate.flush()
    return b"\1" + struct.pack(">I", len(packed)) + packed


def send_all(connection: RawConnection, block: bytes, messages: list[bytes]) -> None:
    """As many calls, as fast as the server takes them."""
    for number, message in enumerate(messages):
        stream = 2 * number + 1
        connection.send(headers(stream, block))
        pieces = [message[at:at + 16_384] for at in range(0, len(message), 16_384)]
        for piece in pieces:
            ends = END_STREAM if piece is pieces[-1] else 0
            connection.send(frame(DATA, ends, stream, piece))


@contextlib.contextmanager
def beside_a_long_call(server, spaces):
    """A space on a connection of its own, on which a call goes on meanwhile; `goes_on` says so."""
    gate = Gate()
    space = spaces(server.client, held(gate))
    client = Client(server.address)
    try:
        mine = space.on(client)
        for id in ("m", "long"):
            mine.start(id)
        long = mine.call_later("long", b"done", timeout=60)
        gate.wait_for_entry()

        def goes_on() -> None:
            assert not long.done(), long.details()

        yield mine, goes_on
        gate.open()
        assert long.result().response == b"done"
    finally:
        gate.open()
        client.close()


def test_deadlines_that_pass_end_no_connection(server, spaces):
    """A client resets each call whose deadline passes, as gRPC's do: that is no flood. Another call
    of its connection goes on."""
    with beside_a_long_call(server, spaces) as (space, long_call_goes_on):
        for _ in range(6):
            calls = [space.call_later("m", timeout=1) for _ in range(400)]
            assert {call.code().name for call in calls} == {"DEADLINE_EXCEEDED"}
            long_call_goes_on()


def test_more_calls_than_streams_may_expire_together(server, spaces):
    """Thousands wait in the client for a stream of its connection. As the first ones end, the rest
    is sent with no time left and reset at once, and what exceeds the limit is refused."""
    with beside_a_long_call(server, spaces) as (space, long_call_goes_on):
        for count in (3_000, 9_000):
            calls = [space.call_later("m", timeout=3) for _ in range(count)]
            codes = {call.code().name for call in calls}
            # REFUSED_STREAM is UNAVAILABLE; the mailbox of "m" has its limit.
            assert codes <= {"DEADLINE_EXCEEDED", "UNAVAILABLE", "RESOURCE_EXHAUSTED"}
            long_call_goes_on()


@pytest.mark.alone
def test_calls_of_a_millisecond_that_are_reset_cost_no_more_than_others(measured, spaces):
    """Rapid reset (CVE-2023-44487) in the guise of deadlines that pass: the connection waits its
    turn then, and its calls count among those that it may have."""
    server = measured(streams="8")
    space = spaces(server.client)
    other = spaces(Client(server.client.address))
    for mine in (space, other):
        mine.start("m")
    before = server.resident
    block = request_block(CALL) + literal("grpc-timeout", b"1m")
    request = space.call_request("m", b"x").SerializeToString()
    body = b"\0" + struct.pack(">I", len(request)) + request
    reset = struct.pack(">I", 8)
    with RawConnection(server.server.port) as hostile:
        hostile.socket.settimeout(60)
        ids = range(1, 60_001, 2)

        def attack() -> None:
            for at in range(0, len(ids), 100):
                hostile.send(b"".join(
                    headers(id, block) + frame(DATA, END_STREAM, id, body)
                    + frame(RST_STREAM, 0, id, reset) for id in ids[at:at + 100]))

        attacker = threading.Thread(target=attack)
        attacker.start()
        served = 0
        while attacker.is_alive() or served < 50:
            assert other.call("m", b"%d" % served, timeout=5) == b"%d" % served
            served += 1
        attacker.join()
        assert server.resident - before < 64 << 20
        # It goes on when its turn comes, and so do its calls once they are free again.
        hostile.call(60_001, "/no.Such/Method", b"")
        for type, flags, stream, payload in hostile.frames():
            assert type != GOAWAY, payload
            if stream == 60_001 and flags & END_STREAM:
                break
    eventually(lambda: server.metrics.value("progressor_limit_used", limit="streams") <= 8,
               "they count")
    eventually(lambda: call_succeeds(space, "m"), "the machine is free")


def test_pings_that_measure_a_connection_are_no_flood(server, spaces):
    """gRPC's clients send one when DATA come, and the next when that is acknowledged and more DATA
    came, to find the size of their window."""
    space = spaces(server.client)
    space.start("large", os.urandom(4 << 20))
    request = automaton_pb2.GetRequest(namespace=space.name, id="large").SerializeToString()
    with RawConnection(server.port) as client:
        client.call(1, GET, request)
        measures = False
        for type, flags, stream, payload in client.frames():
            assert type != GOAWAY, payload
            if type == PING and flags & ACK:
                measures = False
            if type == DATA and payload:
                probe = b"" if measures else frame(PING, 0, 0, b"bdp-ping")
                measures = True
                more = window_update(stream, len(payload)) + window_update(0, len(payload))
                client.send(probe + more)
            if type in (DATA, HEADERS) and flags & END_STREAM:
                break


def test_too_many_pings_are_answered_with_one_goaway(server):
    """However many come at once; and it says why."""
    for count in (50, 500):
        with RawConnection(server.port) as client:
            client.send(frame(PING, 0, 0, b"too many") * count)
            texts = [payload[8:] for type, _, _, payload in client.frames() if type == GOAWAY]
            assert texts == [b"too_many_pings"]
