"""The rules of HTTP/2 (RFC 9113) and HPACK (RFC 7541), case by case, as h2spec has them: what a
client must not send fails its stream or its connection with the right code, and what it may send is
answered. Cases are named by the section of the rule."""

import struct

import pytest
from support.conformance import (
    COMPRESSION_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, NO_ERROR, PROTOCOL_ERROR,
    REFUSED_STREAM, START, STREAM_CLOSED, block, exchange, first_setting, settings,
)
from support.http2 import (
    ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame, headers, literal, window_update,
)

PRIORITY, PUSH_PROMISE, CONTINUATION = 2, 5, 9
PADDED, PRIORITISED = 8, 32
MAX_CONCURRENT, INITIAL_WINDOW, MAX_FRAME = 3, 4, 5

# A request's message that is empty, and one of 16,384 bytes with its prefix, of a field that nobody
# knows.
EMPTY = b"\0\0\0\0\0"
LONG = b"\0" + struct.pack(">I", 16_379) + b"\xfa\x7f" + b"\xf6\x7f" + b"\0" * 16_374
CALL = headers(1, block()) + frame(DATA, END_STREAM, 1, EMPTY)
OPEN = headers(1, block())
DONE = headers(1, block(), ends=True)
RESET = frame(RST_STREAM, 0, 1, struct.pack(">I", 8))


def priority(stream: int, depends_on: int = 0, weight: int = 16) -> bytes:
    return frame(PRIORITY, 0, stream, struct.pack(">IB", depends_on, weight))


def rest(stream: int, part: bytes = b"", flags: int = END_HEADERS) -> bytes:
    return frame(CONTINUATION, flags, stream, part)


def table(fields: bytes) -> bytes:
    """A request with that in front of its other fields."""
    return headers(1, fields + block((":authority", None))) + frame(DATA, END_STREAM, 1, EMPTY)


HALF = len(block()) // 2
IN_PARTS = frame(HEADERS, 0, 1, block()[:HALF])

ANSWERED = {
    "2.1 PRIORITY of an idle stream": priority(1) + CALL,
    "2.2 WINDOW_UPDATE of a half-closed stream": DONE + window_update(1, 100),
    "2.3 PRIORITY of a half-closed stream": DONE + priority(1),
    "3.1 DATA in one frame": CALL,
    "3.1 DATA in several": OPEN + frame(DATA, 0, 1, EMPTY[:2]) + frame(
        DATA, 0, 1, EMPTY[2:]) + frame(DATA, END_STREAM, 1),
    "3.1 DATA with padding": OPEN + frame(
        DATA, END_STREAM | PADDED, 1, b"\x06" + EMPTY + b"\0" * 6),
    "3.2 HEADERS with padding": frame(
        HEADERS, END_HEADERS | PADDED, 1, b"\x06" + block() + b"\0" * 6)
        + frame(DATA, END_STREAM, 1, EMPTY),
    "3.2 HEADERS with a priority": frame(
        HEADERS, END_HEADERS | PRIORITISED, 1, b"\0\0\0\0\x0f" + block())
        + frame(DATA, END_STREAM, 1, EMPTY),
    "3.3 PRIORITY that is exclusive": priority(1, 0x80000003, 255) + CALL,
    "3.7 PING": frame(PING, 0, 0, b"h2spec!!") + CALL,
    "3.8 GOAWAY of a client that goes on": frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0)) + CALL,
    "3.9 WINDOW_UPDATE": window_update(0, 1) + OPEN + window_update(1, 1) + frame(
        DATA, END_STREAM, 1, EMPTY),
    "3.10 CONTINUATION": IN_PARTS + rest(1, block()[HALF:]) + frame(DATA, END_STREAM, 1, EMPTY),
    "3.10 several of them": IN_PARTS + rest(1, block()[HALF:HALF + 5], 0) + rest(
        1, b"", 0) + rest(1, block()[HALF + 5:]) + frame(DATA, END_STREAM, 1, EMPTY),
    "4 trailers": OPEN + frame(DATA, 0, 1, EMPTY) + headers(1, literal("x-last", b"1"), ends=True),
    "4.1 a frame of a type that nobody knows": frame(0x16, 0, 0, b"12345678") + CALL,
    "4.1 flags that nobody knows": frame(PING, 0x16, 0, b"h2spec!!") + CALL,
    "4.1 the reserved bit of a stream's number": frame(PING, 0, 0x80000000, b"h2spec!!") + CALL,
    "4.2 DATA of 16,384 bytes": OPEN + frame(DATA, END_STREAM, 1, LONG),
    "5.5 an extension on a stream": OPEN + frame(0x16, 0, 1, b"x") + frame(
        DATA, END_STREAM, 1, EMPTY),
    "6.5.2 a setting that nobody knows": settings((0xff, 1)) + CALL,
    "7 GOAWAY with a code that nobody knows": frame(
        GOAWAY, 0, 0, struct.pack(">II", 0, 0xff)) + CALL,
    "7 RST_STREAM with a code that nobody knows": OPEN + headers(3, block()) + frame(
        RST_STREAM, 0, 3, struct.pack(">I", 0xff)) + frame(DATA, END_STREAM, 1, EMPTY),
    "hpack 6.1 a field of the static table": headers(
        1, b"\x83\x86" + block((":method", None), (":scheme", None))) + frame(
        DATA, END_STREAM, 1, EMPTY),
    "hpack 4.3 a smaller table": table(b"\x20" + literal(":authority", b"a")),
    "hpack 6.2.1 a field that is remembered": table(b"\x41\x01a"),
    "hpack 6.2.2 one that is not": table(b"\x01\x01a"),
    "hpack 6.2.3 one that never may be": table(b"\x11\x01a"),
    "hpack 5.2 text in Huffman's code": table(
        b"\x41\x8c" + bytes.fromhex("f1e3c2e5f23a6ba0ab90f4ff")),
}

FAILS_CONNECTION = {
    "4.2 HEADERS longer than a frame may be": (
        headers(1, block(extra=literal("x", b"a" * 16_384))), [FRAME_SIZE_ERROR]),
    "4.3 a header block that is none": (headers(1, b"\x40"), [COMPRESSION_ERROR]),
    "4.3 PRIORITY within a header block": (IN_PARTS + priority(1), [PROTOCOL_ERROR]),
    "4.3 HEADERS of another stream within a header block": (
        IN_PARTS + headers(3, block()), [PROTOCOL_ERROR]),
    "5.1 DATA of an idle stream": (frame(DATA, END_STREAM, 1, b"x"), [PROTOCOL_ERROR]),
    "5.1 RST_STREAM of an idle stream": (RESET, [PROTOCOL_ERROR]),
    "5.1 WINDOW_UPDATE of an idle stream": (window_update(1, 100), [PROTOCOL_ERROR]),
    "5.1 CONTINUATION of an idle stream": (rest(1, block()), [PROTOCOL_ERROR]),
    "5.1 CONTINUATION of a half-closed stream": (
        DONE + rest(1, block()), [STREAM_CLOSED, PROTOCOL_ERROR]),
    "5.1 CONTINUATION of a stream that was reset": (
        OPEN + RESET + rest(1, block()), [STREAM_CLOSED, PROTOCOL_ERROR]),
    "5.1.1 a stream with an even number": (headers(2, block(), ends=True), [PROTOCOL_ERROR]),
    "5.4.1 an error of the connection ends it": (frame(PING, 0, 0, b"short"), [FRAME_SIZE_ERROR]),
    "5.5 an extension within a header block": (
        IN_PARTS + frame(0x16, 0, 0, b"12345678"), [PROTOCOL_ERROR]),
    "6.1 DATA of no stream": (OPEN + frame(DATA, END_STREAM, 0, b"x"), [PROTOCOL_ERROR]),
    "6.1 DATA with more padding than bytes": (
        OPEN + frame(DATA, END_STREAM | PADDED, 1, b"\x05Test"), [PROTOCOL_ERROR]),
    "6.2 HEADERS of no stream": (headers(0, block()), [PROTOCOL_ERROR]),
    "6.2 HEADERS with more padding than bytes": (
        frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + block()[:20]), [PROTOCOL_ERROR]),
    "6.4 RST_STREAM of no stream": (frame(RST_STREAM, 0, 0, b"\0\0\0\x08"), [PROTOCOL_ERROR]),
    "6.4 RST_STREAM of three bytes": (OPEN + frame(RST_STREAM, 0, 1, b"\0\0\0"),
                                      [FRAME_SIZE_ERROR]),
    "6.5 SETTINGS that acknowledge something": (
        frame(SETTINGS, ACK, 0, b"\0\x03\0\0\0\x64"), [FRAME_SIZE_ERROR]),
    "6.5 SETTINGS of a stream": (frame(SETTINGS, 0, 1, b"\0\x03\0\0\0\x64"), [PROTOCOL_ERROR]),
    "6.5 SETTINGS of three bytes": (frame(SETTINGS, 0, 0, b"\0\x03\0"), [FRAME_SIZE_ERROR]),
    "6.5.2 ENABLE_PUSH = 2": (settings((2, 2)), [PROTOCOL_ERROR]),
    "6.5.2 INITIAL_WINDOW_SIZE = 2^31": (settings((INITIAL_WINDOW, 1 << 31)),
                                         [FLOW_CONTROL_ERROR]),
    "6.5.2 MAX_FRAME_SIZE = 16,383": (settings((MAX_FRAME, 16_383)), [PROTOCOL_ERROR]),
    "6.5.2 MAX_FRAME_SIZE = 2^24": (settings((MAX_FRAME, 1 << 24)), [PROTOCOL_ERROR]),
    "6.6 PUSH_PROMISE": (
        OPEN + frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02" + block()), [PROTOCOL_ERROR]),
    "6.7 PING of a stream": (frame(PING, 0, 1, b"h2spec!!"), [PROTOCOL_ERROR]),
    "6.7 PING of six bytes": (frame(PING, 0, 0, b"h2spec"), [FRAME_SIZE_ERROR]),
    "6.8 GOAWAY of a stream": (frame(GOAWAY, 0, 1, b"\0" * 8), [PROTOCOL_ERROR]),
    "6.9 WINDOW_UPDATE by nothing": (window_update(0, 0), [PROTOCOL_ERROR]),
    "6.9 WINDOW_UPDATE of three bytes": (frame(WINDOW_UPDATE, 0, 0, b"\0\0\x01"),
                                         [FRAME_SIZE_ERROR]),
    "6.9.1 a window of more than 2^31 - 1": (window_update(0, (1 << 31) - 1) * 2,
                                             [FLOW_CONTROL_ERROR]),
    "6.10 CONTINUATION, and then something else": (
        IN_PARTS + rest(1, b"", 0) + frame(DATA, 0, 1, b"x"), [PROTOCOL_ERROR]),
    "6.10 CONTINUATION of no stream": (IN_PARTS + rest(0, block()[HALF:]), [PROTOCOL_ERROR]),
    "6.10 CONTINUATION behind the end of a header block": (OPEN + rest(1), [PROTOCOL_ERROR]),
    "6.10 CONTINUATION behind the last CONTINUATION": (
        IN_PARTS + rest(1, block()[HALF:]) + rest(1), [PROTOCOL_ERROR]),
    "6.10 CONTINUATION behind DATA": (
        OPEN + frame(DATA, 0, 1, EMPTY) + rest(1), [PROTOCOL_ERROR]),
    "hpack 2.3.3 a field that is in no table": (headers(1, block(extra=b"\xc6")),
                                                [COMPRESSION_ERROR]),
    "hpack 4.2 the size of the table at the end": (headers(1, block(extra=b"\x3f\x01")),
                                                   [COMPRESSION_ERROR]),
    "hpack 5.2 Huffman's code with eight bits of padding": (
        table(b"\x41\x8d" + bytes.fromhex("f1e3c2e5f23a6ba0ab90f4ffff")), [COMPRESSION_ERROR]),
    "hpack 5.2 Huffman's code padded with zeros": (
        table(b"\x41\x8c" + bytes.fromhex("f1e3c2e5f23a6ba0ab90f480")), [COMPRESSION_ERROR]),
    "hpack 5.2 Huffman's end of text": (
        table(b"\x41\x84" + b"\xff\xff\xff\xff"), [COMPRESSION_ERROR]),
    "hpack 6.1 the field with the number 0": (headers(1, block(extra=b"\x80")),
                                              [COMPRESSION_ERROR]),
    "hpack 6.3 a table larger than allowed": (headers(1, b"\x3f\xe1\xff\x7f" + block()),
                                              [COMPRESSION_ERROR]),
}


def malformed(*changes, extra: bytes = b"") -> tuple[bytes, list[int]]:
    return headers(1, block(*changes, extra=extra)) + frame(
        DATA, END_STREAM, 1, EMPTY), [PROTOCOL_ERROR]


FAILS_STREAM = {
    "4.2 DATA longer than a frame may be": (
        OPEN + frame(DATA, END_STREAM, 1, b"\0" * 16_385), [FRAME_SIZE_ERROR]),
    "5.1 DATA of a half-closed stream": (DONE + frame(DATA, END_STREAM, 1, b"x"), [STREAM_CLOSED]),
    "5.1 HEADERS of a half-closed stream": (DONE + headers(1, block()), [STREAM_CLOSED]),
    "6.3 PRIORITY of four bytes": (OPEN + frame(PRIORITY, 0, 1, b"\0\0\0\x01"),
                                   [FRAME_SIZE_ERROR]),
    "6.9 WINDOW_UPDATE of a stream by nothing": (OPEN + window_update(1, 0), [PROTOCOL_ERROR]),
    "6.9.1 a stream's window of more than 2^31 - 1": (
        OPEN + window_update(1, (1 << 31) - 1) * 2, [FLOW_CONTROL_ERROR]),
    "8.1 HEADERS in the middle of a request": (OPEN + headers(1, block()), [PROTOCOL_ERROR]),
    "8.2 a name with a large letter": malformed(extra=literal("X-Test", b"1")),
    "8.2.2 connection": malformed(("connection", "keep-alive")),
    "8.2.2 te other than trailers": malformed(("te", "trailers, deflate")),
    "8.3 a pseudo-header field that nobody knows": malformed((":test", "1")),
    "8.3 one of an answer": malformed((":status", "200")),
    "8.3 one behind ordinary fields": malformed(
        (":path", None), extra=literal(":path", b"/")),
    "8.3 one in trailers": (
        OPEN + frame(DATA, 0, 1, EMPTY) + headers(1, literal(":method", b"POST"), ends=True),
        [PROTOCOL_ERROR]),
    "8.3.1 an empty path": malformed((":path", "")),
    "8.3.1 no method": malformed((":method", None)),
    "8.3.1 no scheme": malformed((":scheme", None)),
    "8.3.1 no path": malformed((":path", None)),
    "8.3.1 two methods": (headers(1, literal(":method", b"POST") + block(), True),
                          [PROTOCOL_ERROR]),
    "8.3.1 two schemes": (headers(1, literal(":scheme", b"http") + block(), True),
                          [PROTOCOL_ERROR]),
    "8.3.1 two paths": (headers(1, literal(":path", b"/") + block(), True), [PROTOCOL_ERROR]),
    "8.1.1 a content-length that is another": malformed(("content-length", "1")),
    "8.1.1 one of several frames": (
        headers(1, block(("content-length", "1"))) + frame(DATA, 0, 1, EMPTY) + frame(
            DATA, END_STREAM, 1, EMPTY), [PROTOCOL_ERROR]),
}


def cases(table: dict):
    return pytest.mark.parametrize("case", table.values(), ids=table.keys())


@pytest.fixture
def port(server, client):
    """Of a server that serves others whatever this connection does."""
    yield server.port
    assert client.serving()


@cases(ANSWERED)
def test_what_a_client_may_send_is_answered(port, case):
    seen = exchange(port, case, answered=1)
    assert seen.is_answered(1) and not seen.is_ended, seen
    assert seen.goaway in (None, NO_ERROR) and seen.reset(1) in (None, NO_ERROR), seen


@cases(FAILS_CONNECTION)
def test_what_breaks_the_connection_ends_it_with_its_code(port, case):
    sent, codes = case
    seen = exchange(port, sent)
    assert seen.fails_connection(*codes), seen


@cases(FAILS_STREAM)
def test_what_breaks_a_stream_resets_it_with_its_code(port, case):
    sent, codes = case
    seen = exchange(port, sent, answered=1)
    assert seen.fails_stream(1, *codes), seen


@pytest.mark.parametrize("sent, stream", [
    # It may have been reset before, and then this is only late.
    (headers(5, block(), ends=True) + headers(3, block(), ends=True), 3),
    (OPEN + RESET + frame(DATA, END_STREAM, 1, b"x"), 1),
    (OPEN + RESET + headers(1, block(), ends=True), 1),
    # Priorities of this kind are deprecated (RFC 9113, section 5.3.2).
    (priority(0), 1),
], ids=["5.1.1 a stream with a smaller number", "5.1 DATA of a stream that was reset",
        "5.1 HEADERS of a stream that was reset", "6.3 PRIORITY of no stream"])
def test_what_the_library_ignores_has_no_answer(port, sent, stream):
    """Where the rules ask for an error."""
    seen = exchange(port, sent)
    assert not seen.is_ended and not seen.is_over(stream), seen


@pytest.mark.parametrize("start", [
    b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" + b"\0" * 64, b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + START,
    PREFACE + frame(PING, 0, 0, b"h2spec!!"),
], ids=["HTTP/1.1", "another preface", "no SETTINGS"])
def test_3_4_a_connection_begins_with_the_preface_and_settings(port, start):
    assert exchange(port, b"", start=start).fails_connection(PROTOCOL_ERROR)


def test_3_5_settings_are_acknowledged_and_the_servers_come_first(port):
    seen = exchange(port, settings((INITIAL_WINDOW, 100), (INITIAL_WINDOW, 1)))
    kinds = [(kind, flags & ACK) for kind, flags, _, _ in seen.frames]
    assert kinds[0] == (SETTINGS, 0) and kinds.count((SETTINGS, ACK)) == 2


def test_5_1_2_no_more_streams_than_are_allowed(port):
    most = first_setting(port, MAX_CONCURRENT)
    sent = b"".join(headers(stream, block()) for stream in range(1, 2 * most + 3, 2))
    last = 2 * most + 1
    assert exchange(port, sent, answered=last).fails_stream(last, REFUSED_STREAM, PROTOCOL_ERROR)


def test_6_7_a_ping_is_answered_with_its_bytes_and_an_acknowledged_one_not_at_all(port):
    seen = exchange(port, frame(PING, ACK, 0, b"not this") + frame(PING, 0, 0, b"but this"))
    assert seen.of(PING, 0) == [b"but this", b"the last"]


def test_6_9_data_waits_for_the_windows(port):
    """Of an answer of seven bytes one comes, and the others when there is room."""
    begin = PREFACE + settings((INITIAL_WINDOW, 1))
    first = exchange(port, CALL + frame(PING, 0, 0, b"h2spec!!"), start=begin)
    assert sum(map(len, first.of(DATA, 1))) <= 1
    later = exchange(port, CALL + window_update(1, 2) + settings((INITIAL_WINDOW, 100)),
                     start=begin, answered=1)
    assert later.is_answered(1) and sum(map(len, later.of(DATA, 1))) == 7


def test_6_9_2_a_window_may_become_negative(port):
    begin = PREFACE + settings((INITIAL_WINDOW, 3))
    sent = CALL + settings((INITIAL_WINDOW, 0)) + window_update(1, 3) + window_update(1, 100)
    seen = exchange(port, sent, start=begin, answered=1)
    assert seen.is_answered(1) and sum(map(len, seen.of(DATA, 1))) == 7
