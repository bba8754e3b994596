"""Clients that ask for much and read nothing, as a process of their own: what they ask for must not
pile up in a server, and not be in anybody's way."""

import contextlib
import os
import random
import socket
import struct
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection

from support.stubs import automaton_pb2

from .client import Place

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0x0, 0x1, 0x4  # frame types, RFC 9113, 6
END_STREAM, END_HEADERS = 0x1, 0x4
INITIAL_WINDOW_SIZE = 0x4
GET = "/progressor.v1.Automaton/Get"
STREAMS = 100  # of a connection
SECONDS = (2.0, 15.0)  # that a connection lasts


@dataclass(frozen=True)
class Unread:
    """What the process has to do."""

    addresses: list[str]
    places: list[Place]
    connections: int
    seed: int


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """RFC 9113, 4.1."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(
        ">I", stream) + payload


def header(name: str, value: str) -> bytes:
    """A literal field that is not indexed: RFC 7541, 6.2.2. Lengths below 127."""
    return b"\0" + b"".join(bytes([len(text)]) + text.encode() for text in (name, value))


def opening(window: int) -> bytes:
    """Each stream may get so many bytes from the server."""
    return PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, window))


def get(stream: int, place: Place) -> bytes:
    """A Get of the whole history."""
    fields = {":method": "POST", ":scheme": "http", ":path": GET, ":authority": "torture",
              "content-type": "application/grpc", "te": "trailers"}
    message = automaton_pb2.GetRequest(
        namespace=place.namespace, id=place.machine).SerializeToString()
    return frame(HEADERS, END_HEADERS, stream, b"".join(map(header, fields, fields.values()))) + (
        frame(DATA, END_STREAM, stream, struct.pack(">BI", 0, len(message)) + message))


def _insist(unread: Unread, number: int, stop: threading.Event) -> None:
    draw = random.Random(f"{unread.seed}-{number}")
    while not stop.wait(draw.uniform(0, 1)):
        host, _, port = draw.choice(unread.addresses).rpartition(":")
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 5) as raw:
            raw.settimeout(5)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.sendall(opening(draw.choice((0, 1, 100, 65_535))))
            for index in range(STREAMS):
                raw.sendall(get(2 * index + 1, draw.choice(unread.places)))
            stop.wait(draw.uniform(*SECONDS))


def serve(unread: Unread, control: Connection) -> None:
    """The process; it ends with its control connection."""
    stop = threading.Event()
    for number in range(unread.connections):
        threading.Thread(target=_insist, args=(unread, number, stop), daemon=True).start()
    control.send("ready")
    with contextlib.suppress(EOFError):
        control.recv()
    os._exit(0)
