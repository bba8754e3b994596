"""A server that ends tells each client the truth about its calls: up to the last stream that the
final GOAWAY names all are executed, above it none."""

import struct

import grpc
from support.http2 import (
    ACK, DATA, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, RawConnection, frame,
    headers, request_block,
)
from support.processes import children, postmasters, suspended
from support.processor import Answer
from support.stubs import automaton_pb2
from support.waiting import eventually

START = "/progressor.v1.Automaton/Start"
HIGHEST = (1 << 31) - 1


def test_calls_behind_the_pings_answer_are_served_and_later_ones_certainly_not(servers, spaces):
    server = servers().start()
    space = spaces(server.client)

    def start(stream: int) -> bytes:
        message = automaton_pb2.StartRequest(
            namespace=space.name, id=f"m{stream}").SerializeToString()
        return headers(stream, request_block(START)) + frame(
            DATA, END_STREAM, stream, b"\0" + struct.pack(">I", len(message)) + message)

    last, refused, ended = [], set(), set()
    with RawConnection(server.port) as client:
        client.send(start(1))
        for type, flags, stream, payload in client.frames():
            if type == SETTINGS and not flags & ACK:
                client.send(frame(SETTINGS, ACK, 0))
            if type in (DATA, HEADERS) and flags & END_STREAM:
                ended.add(stream)
                if stream == 1:
                    server.send_signal(15)
            elif type == RST_STREAM and struct.unpack(">I", payload)[0] == 7:
                refused.add(stream)
            elif type == PING and not flags & ACK:
                assert last == [HIGHEST], "the PING is behind the first GOAWAY"
                # In one piece: these have come by the time that the answer is seen.
                client.send(start(3) + frame(PING, ACK, 0, payload) + start(5) + start(7))
            elif type == GOAWAY:
                last.append(struct.unpack(">I", payload[:4])[0] & HIGHEST)
                if len(last) == 2:
                    client.send(start(last[1] + 2) + start(last[1] + 4))
    assert last[0] == HIGHEST and len(last) == 2
    assert server.wait() == 0
    server.start()
    executed = {stream for stream in range(1, 20, 2) if exists(space, f"m{stream}")}
    assert executed == set(range(1, last[1] + 1, 2)) == ended
    assert {3, 5, 7} <= executed
    assert not executed & refused


def exists(space, id: str) -> bool:
    try:
        return space.get(id).id == id
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND
        return False


def test_a_call_that_runs_when_the_end_begins_is_answered(servers, spaces):
    server = servers().start()

    def behave(invocation) -> Answer:
        if invocation.kind == "call":
            server.send_signal(15)
        return Answer(response=b"done", events=[b"e"])

    space = spaces(server.client, behave)
    space.start("m")
    assert space.call("m") == b"done"
    assert server.wait() == 0


def test_a_frozen_database_of_its_own_does_not_keep_it_from_ending(servers, spaces):
    """Its time to end, and some seconds: it was three quarters of a minute."""
    server = servers(environment={"PROGRESSOR_DRAIN_TIMEOUT": "1s"}).start()
    space = spaces(server.client)
    space.start("m", b"x")
    (postmaster,) = (pid for pid in postmasters(server.data) if children(pid))
    with suspended([postmaster, *children(postmaster)]):
        waiting = space.call_later("m", b"y")
        assert server.terminate(timeout=25) == 0
    assert waiting.code().name in ("UNAVAILABLE", "CANCELLED")
    log = server.log.read_text()
    assert "immediate shutdown" in log and "are killed" in log, log
    eventually(lambda: postmasters(server.data) == [], "nothing of it is left")
    server.start()
    assert space.on(server.client).events("m")[0] == b"x"


def test_a_stop_is_heard_from_the_first_moment_on(servers):
    """SIGTERM ends a process that has just begun, as any; from then on it is never lost."""
    server = servers()
    for _ in range(8):
        server.start(wait=False)
        while not server.handles_stop:
            assert server.running
        assert server.terminate(timeout=30) == 0
