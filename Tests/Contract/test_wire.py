"""What is not gRPC, or not well-formed, gets the right answer and disturbs nobody."""

import socket
import struct
import subprocess

import grpc
import pytest
from support.client import Client, fails
from support.stubs import automaton_pb2
from support.waiting import eventually

GET = "/progressor.v1.Automaton/Get"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"


def curl(address: str, *arguments: str, body: bytes = b"", path: str = GET,
         http: str = "--http2-prior-knowledge") -> tuple[int, dict[str, str]]:
    """Status and headers (trailers included) of a POST that need not be gRPC."""
    command = ["curl", "--silent", "--show-error", "--max-time", "20", http, "--dump-header", "-",
               "--output", "/dev/null", "--data-binary", "@-", *arguments,
               f"http://{address}{path}"]
    for _ in range(5):
        result = subprocess.run(command, input=body, capture_output=True)
        # A whole answer and the RST_STREAM(NO_ERROR) behind it (RFC 9113 section 8.1), read at
        # once, are an error to this curl: 92, and it shows nothing of the answer.
        if result.returncode != 92 or result.stdout:
            break
    lines = result.stdout.decode(errors="replace").splitlines()
    assert lines, result.stderr.decode()
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    return int(lines[0].split()[1]), headers


def grpc_headers(*more: str) -> list[str]:
    headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    for header in more:
        headers += ["-H", header]
    return headers


def frame(message: bytes, compressed: int = 0) -> bytes:
    return struct.pack(">BI", compressed, len(message)) + message


def raw(client, method: str, message: bytes):
    """A unary call of bytes."""
    return client.channel.unary_unary(method)(message, timeout=20)


@pytest.mark.parametrize("message", [
    b"\xff", b"\x0a", b"\x0a\xff\xff\xff\xff\x0f", b"\x0b", b"\x80" * 100, b"\x0a\x02\xc3\x28",
], ids=["tag", "cut", "length", "group", "varint", "utf-8"])
@pytest.mark.parametrize("method", [
    GET, "/progressor.v1.Automaton/Start", "/progressor.v1.Automaton/Call",
    "/progressor.v1.Automaton/List", "/progressor.v1.Namespaces/Create",
])
def test_malformed_protobuf(client, method, message):
    with fails(["INTERNAL", "INVALID_ARGUMENT"]) as failure:
        raw(client, method, message)
    assert failure[0].message
    assert client.serving()


def test_deep_and_wide_messages_are_bounded(client):
    nested = b""
    for _ in range(20_000):
        nested = b"\x0a" + _varint(len(nested)) + nested
    for bomb in (nested, b"\x22\x00" * 1_000_000, b"\xa2\x06\x00" * 1_000_000):
        with fails(["INTERNAL", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"]):
            raw(client, "/progressor.v1.Automaton/Call", bomb)
    assert client.serving()


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7f:
        out, value = out + bytes([value & 0x7f | 0x80]), value >> 7
    return out + bytes([value])


def test_an_unknown_method_and_service(client):
    for method in ("/progressor.v1.Automaton/Nothing", "/no.such.Service/Get"):
        with fails("UNIMPLEMENTED"):
            raw(client, method, b"")


def test_unknown_fields_are_ignored(space):
    space.start("m", b"x")
    request = automaton_pb2.GetRequest(namespace=space.name, id="m").SerializeToString()
    reply = raw(space.client, GET, request + b"\xf8\x3e\x01\xfa\x3e\x03abc")
    assert automaton_pb2.GetResponse.FromString(reply).machine.id == "m"


def test_gzip_requests_are_read(space):
    request = automaton_pb2.StartRequest(namespace=space.name, id="m", args=b"a" * 100_000)
    space.client.automaton.Start(request, timeout=20, compression=grpc.Compression.Gzip)
    assert space.events("m") == [b"a" * 100_000]


def test_another_content_type(server):
    status, _ = curl(server.address, "-H", "content-type: application/json", body=b"{}")
    assert status == 415


@pytest.mark.parametrize("verb", ["GET", "PUT"])
def test_another_verb(server, verb):
    status, headers = curl(server.address, "-X", verb, *grpc_headers())
    assert status in (405, 415) or headers.get("grpc-status") in ("12", "13"), (status, headers)


def test_an_unknown_encoding(server):
    status, headers = curl(server.address, *grpc_headers("grpc-encoding: brotli"),
                           body=frame(b"x", compressed=1))
    assert (status, headers["grpc-status"]) == (200, "12")
    assert "gzip" in headers["grpc-accept-encoding"]


@pytest.mark.parametrize("body, codes", [
    (b"", ["12", "13"]),
    (b"\0\0\0", ["13"]),
    (frame(b"abc")[:-1], ["13"]),
    (frame(b"") + frame(b""), ["12", "13"]),
    (frame(b"x", compressed=1), ["13"]),
    (struct.pack(">BI", 0, 0x7fffffff), ["8"]),
], ids=["none", "half a prefix", "cut", "two", "flag without encoding", "2 GiB announced"])
def test_messages_that_are_not_one(server, body, codes):
    status, headers = curl(server.address, *grpc_headers(), body=body)
    assert (status, headers.get("grpc-status") in codes) == (200, True), headers


def test_http_1_1(server):
    result = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "20", "--http1.1", "-i",
         f"http://{server.address}/"], capture_output=True)
    assert result.returncode in (0, 1, 52, 56), result
    if result.returncode == 0:
        assert result.stdout.split()[1] in (b"426", b"400", b"505", b"415"), result.stdout


@pytest.mark.parametrize("garbage", [
    b"", b"\0", PREFACE[:10], b"SSH-2.0-OpenSSH\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    PREFACE + b"\xff" * 64, PREFACE + SETTINGS + b"\0\0\5\1\4\0\0\0\1\xff\xff\xff\xff\xff",
])
def test_connections_that_are_cut_or_garbled(server, garbage):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port), 5) as connection:
            connection.sendall(garbage)
    assert server.client.serving()


def test_half_open_connections_hold_up_nobody(server, space):
    connections = []
    try:
        for number in range(200):
            connection = socket.create_connection(("127.0.0.1", server.port), 5)
            connection.sendall((PREFACE + SETTINGS)[: number % 34])
            connections.append(connection)
        space.start("m", b"x", timeout=10)
        assert space.call("m", b"y", timeout=10) == b"y"
    finally:
        for connection in connections:
            connection.close()


def test_a_connection_that_says_nothing_is_closed(server):
    with socket.create_connection(("127.0.0.1", server.port), 5) as connection:
        connection.settimeout(40)
        received = b""
        try:
            while chunk := connection.recv(4096):
                received += chunk
        except ConnectionResetError:
            pass
    assert len(received) < 4096


def test_a_client_that_reads_nothing_holds_up_nobody(server, space):
    """Requests for a large reply on a connection that is never read."""
    space.start("m", bytes(1 << 20))
    request = frame(automaton_pb2.GetRequest(namespace=space.name, id="m").SerializeToString())
    with socket.create_connection(("127.0.0.1", server.port), 5) as deaf:
        deaf.sendall(PREFACE + SETTINGS)
        for stream in range(1, 101, 2):
            deaf.sendall(_headers_frame(stream, GET) + _data_frame(stream, request))
        for _ in range(20):
            assert space.get("m", timeout=10).last_event_id == 1
    eventually(server.client.serving, "it serves")


@pytest.mark.parametrize("fields", [
    [b"t" * 200_000], [b"t" * 15_000] * 13, [b"t" * 15_000] * 80,
], ids=["one field of 200 kB", "fields of 200 kB", "fields of 1.2 MB"])
def test_too_much_metadata_is_refused_alone(server, space, fields):
    """And the other calls on the connection go on, also those that come later."""
    space.start("m")
    request = frame(automaton_pb2.GetRequest(namespace=space.name, id="m").SerializeToString())
    with socket.create_connection(server.address.rsplit(":", 1)) as connection:
        connection.settimeout(20)
        connection.sendall(PREFACE + SETTINGS + _headers_frame(1, GET))
        connection.sendall(_headers_frames(3, GET, fields) + _headers_frame(5, GET))
        for stream in (1, 5):
            connection.sendall(_data_frame(stream, request))
        ended, goaway = {}, False
        for kind, flags, stream in _frames(connection):
            goaway = goaway or kind == 7
            if kind == 3 or (kind == 1 and flags & 1):
                ended.setdefault(stream, kind)
            if goaway or len(ended) == 3:
                break
    refused = 3 if len(fields) == 80 else 1
    assert not goaway and ended == {1: 1, 3: refused, 5: 1}


def _headers_frames(stream: int, path: str, values: list[bytes]) -> bytes:
    """HEADERS and CONTINUATIONs with as many fields more, as literals without indexing."""
    block = _headers_frame(stream, path)[9:]
    for value in values:
        block += b"\0\1x\x7f" + _varint(len(value) - 127) + value
    pieces = [block[start:start + 16_384] for start in range(0, len(block), 16_384)]
    return b"".join(
        struct.pack(">I", len(piece))[1:] + bytes([1 if number == 0 else 9,
                                                   4 if number == len(pieces) - 1 else 0])
        + struct.pack(">I", stream) + piece for number, piece in enumerate(pieces))


def _frames(connection: socket.socket):
    """Type, flags and stream of each frame that comes."""
    data = b""
    while True:
        while len(data) < 9 or len(data) < 9 + int.from_bytes(data[:3]):
            more = connection.recv(65536)
            if not more:
                return
            data += more
        yield data[3], data[4], int.from_bytes(data[5:9])
        data = data[9 + int.from_bytes(data[:3]):]


def _headers_frame(stream: int, path: str) -> bytes:
    fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path.encode()),
              (b":authority", b"test"), (b"content-type", b"application/grpc"),
              (b"te", b"trailers")]
    block = b"".join(b"\0" + bytes([len(k)]) + k + bytes([len(v)]) + v for k, v in fields)
    return struct.pack(">I", len(block))[1:] + b"\1\4" + struct.pack(">I", stream) + block


def _data_frame(stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + b"\0\1" + struct.pack(">I", stream) + payload


def test_many_connections(server):
    clients = [Client(server.address) for _ in range(50)]
    assert all(client.serving() for client in clients)
    for client in clients:
        client.close()
