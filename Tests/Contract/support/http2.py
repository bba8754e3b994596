"""HTTP/2 frames by hand, for what no proper client sends."""

import socket
import struct
from collections.abc import Iterator

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(type: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([type, flags]) + struct.pack(
        ">I", stream) + payload


def window_update(stream: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def integer(value: int, bits: int, first: int = 0) -> bytes:
    """An integer of HPACK with a prefix of `bits`, below which `first` has its bits."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def literal(name: str, value: bytes, indexed: bool = False) -> bytes:
    """A field of a header block, with its name; `indexed` puts it into the dynamic table."""
    text = name.encode()
    return (b"\x40" if indexed else b"\0") + integer(len(text), 7) + text + integer(
        len(value), 7) + value


def reference(index: int) -> bytes:
    """A field of the tables; 62 is the one that came into the dynamic table last."""
    return integer(index, 7, 0x80)


def request_block(path: str) -> bytes:
    fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "test",
              "content-type": "application/grpc", "te": "trailers"}
    return b"".join(literal(name, value.encode()) for name, value in fields.items())


def headers(stream: int, block: bytes, ends: bool = False) -> bytes:
    return frame(HEADERS, END_HEADERS | (END_STREAM if ends else 0), stream, block)


def call(stream: int, block: bytes, message: bytes) -> bytes:
    """A whole call with one message."""
    body = b"\0" + struct.pack(">I", len(message)) + message
    return headers(stream, block) + frame(DATA, END_STREAM, stream, body)


def frames_of(connection: socket.socket) -> Iterator[tuple[int, int, int, bytes]]:
    """The frames that come, as (type, flags, stream, payload), until the connection ends."""
    buffer = bytearray()
    while True:
        while len(buffer) >= 9 and len(buffer) >= 9 + int.from_bytes(buffer[:3], "big"):
            end = 9 + int.from_bytes(buffer[:3], "big")
            stream = int.from_bytes(buffer[5:9], "big") & 0x7fffffff
            yield buffer[3], buffer[4], stream, bytes(buffer[9:end])
            del buffer[:end]
        data = connection.recv(1 << 18)
        if not data:
            return
        buffer += data


class RawConnection:
    """A connection that only does what it is told."""

    def __init__(self, port: int, initial_window: int = 65535, start: bytes | None = None):
        """`start` is sent instead of the preface and SETTINGS."""
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        settings = frame(SETTINGS, 0, 0, struct.pack(">HI", 4, initial_window))
        self.send(PREFACE + settings if start is None else start)

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def call(self, stream: int, path: str, message: bytes) -> None:
        """A whole call with one message."""
        self.send(call(stream, request_block(path), message))

    def frames(self) -> Iterator[tuple[int, int, int, bytes]]:
        return frames_of(self.socket)

    def read_until_ended(self, count: int) -> dict[int, int]:
        """Reads until so many streams ended: how many bytes of DATA came, by stream."""
        received: dict[int, int] = {}
        ended: set[int] = set()
        for type, flags, stream, payload in self.frames():
            assert type not in (RST_STREAM, GOAWAY), (type, stream, payload)
            if type == DATA:
                received[stream] = received.get(stream, 0) + len(payload)
            if type in (DATA, HEADERS) and flags & END_STREAM:
                ended.add(stream)
                if len(ended) == count:
                    break
        return received
