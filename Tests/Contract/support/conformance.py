"""What a server answers to frames, as the rules of HTTP/2 see it: an error of the connection, an
error of a stream, or an answer."""

import struct
from dataclasses import dataclass, field

from .http2 import (
    ACK, DATA, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, RawConnection,
    frame, literal,
)

HEALTH = "/grpc.health.v1.Health/Check"
START = PREFACE + frame(SETTINGS, 0, 0)
# The codes of RFC 9113, section 7.
NO_ERROR, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED = 0, 1, 3, 5
FRAME_SIZE_ERROR, REFUSED_STREAM, COMPRESSION_ERROR = 6, 7, 9


def block(*changes: tuple[str, str | None], extra: bytes = b"") -> bytes:
    """The header block of a request, with fields that are others, or (None) left out."""
    request = {":method": "POST", ":scheme": "http", ":path": HEALTH, ":authority": "test",
               "content-type": "application/grpc", "te": "trailers", **dict(changes)}
    return b"".join(literal(name, value.encode()) for name, value in request.items()
                    if value is not None) + extra


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in pairs))


@dataclass
class Seen:
    """What came until the server had answered a PING behind what was sent, or ended the
    connection."""

    frames: list[tuple[int, int, int, bytes]] = field(default_factory=list)
    is_ended: bool = False

    def of(self, type: int, stream: int) -> list[bytes]:
        return [payload for kind, _, its, payload in self.frames if (kind, its) == (type, stream)]

    @property
    def goaway(self) -> int | None:
        """The code of the last one."""
        payloads = self.of(GOAWAY, 0)
        return struct.unpack(">I", payloads[-1][4:8])[0] if payloads else None

    def reset(self, stream: int) -> int | None:
        payloads = self.of(RST_STREAM, stream)
        return struct.unpack(">I", payloads[-1])[0] if payloads else None

    def is_answered(self, stream: int) -> bool:
        return bool(self.of(HEADERS, stream)) and any(
            flags & END_STREAM for kind, flags, its, _ in self.frames
            if its == stream and kind in (HEADERS, DATA))

    def is_over(self, stream: int) -> bool:
        return self.is_answered(stream) or self.reset(stream) is not None

    def fails_connection(self, *codes: int) -> bool:
        """The connection ends, and if the server says why, for one of these."""
        return self.is_ended and self.goaway in (None, *codes)

    def fails_stream(self, stream: int, *codes: int) -> bool:
        """It is reset for one of these; or the connection ends for it."""
        return self.reset(stream) in codes or self.fails_connection(*codes)


def exchange(port: int, sent: bytes, start: bytes = START, answered: int = 0) -> Seen:
    """Sends frames and a PING, and reads until that is answered, and `answered` too, a stream."""
    seen = Seen()
    with RawConnection(port, start=start) as connection:
        try:
            connection.send(sent + frame(PING, 0, 0, b"the last"))
            pinged = False
            for part in connection.frames():
                seen.frames.append(part)
                kind, flags, _, payload = part
                pinged |= (kind, flags & ACK, payload) == (PING, ACK, b"the last")
                if pinged and (not answered or seen.is_over(answered)):
                    return seen
        except ConnectionError:
            pass
    seen.is_ended = True
    return seen


def first_setting(port: int, name: int) -> int | None:
    """What the server's own SETTINGS say."""
    for payload in exchange(port, b"").of(SETTINGS, 0):
        for place in range(0, len(payload), 6):
            its, value = struct.unpack(">HI", payload[place:place + 6])
            if its == name:
                return value
    return None
