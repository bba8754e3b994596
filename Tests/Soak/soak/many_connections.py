"""A process of clients that open a connection, use it a little or not at all, and close it, in
every way in which connections end; each from one of many addresses."""

import itertools
import socket
import ssl
import struct
from multiprocessing.connection import Connection

from support.http2 import (
    DATA, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, call, frame, frames_of,
    request_block,
)
from support.stubs import automaton_pb2

from .many_calls import Assignment, Progress, work

THREADS = 8
ADDRESSES = 50
MACHINE = "there"  # which all calls read
GET = request_block("/progressor.v1.Automaton/Get")
BEGIN = PREFACE + frame(SETTINGS, 0, 0)


class Connector:
    """One connection after the other."""

    def __init__(self, number: int, assignment: Assignment):
        self._number, self._assignment = number, assignment
        self._request = call(1, GET, automaton_pb2.GetRequest(
            namespace=assignment.namespace, id=MACHINE).SerializeToString())
        self._context = ssl.create_default_context()
        self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE
        self._context.set_alpn_protocols(["h2"])
        self.progress = Progress()

    def run(self) -> None:
        ends = itertools.cycle([
            self._call, self._call_and_say_goodbye, self._call_and_reset, self._greet,
            self._say_nothing, self._stop_in_a_frame, self._leave_a_call, self._call,
            self._break_the_rules, self._call_by_tls])
        addresses = itertools.cycle(range(2, ADDRESSES + 2))
        own = len(range(self._number, self._assignment.count, THREADS))
        for end, address in itertools.islice(zip(ends, addresses), own):
            port = self._assignment.tls_port if end == self._call_by_tls else self._assignment.port
            try:
                with socket.create_connection(
                        ("127.0.0.1", port), 20, (f"127.0.0.{address}", 0)) as connection:
                    end(connection)
            except (OSError, ValueError) as error:
                self.progress.problem = f"{end.__name__} from {address}: {error!r}"
                return
            self.progress.done += 1

    def _call(self, connection: socket.socket) -> None:
        connection.sendall(BEGIN + self._request)
        answered = False
        for type, flags, stream, payload in frames_of(connection):
            if type in (GOAWAY, RST_STREAM):
                raise ValueError(f"frame {type} {payload!r}")
            answered |= type == DATA and bool(payload)
            if type in (DATA, HEADERS) and stream == 1 and flags & END_STREAM:
                break
        if not answered:
            raise ValueError("the call was not answered")

    def _call_by_tls(self, connection: socket.socket) -> None:
        with self._context.wrap_socket(connection) as secured:
            self._call(secured)

    def _call_and_say_goodbye(self, connection: socket.socket) -> None:
        self._call(connection)
        connection.sendall(frame(GOAWAY, 0, 0, bytes(8)))

    def _call_and_reset(self, connection: socket.socket) -> None:
        self._call(connection)
        _reset(connection)

    def _greet(self, connection: socket.socket) -> None:
        connection.sendall(BEGIN)
        next(frames_of(connection))

    def _say_nothing(self, connection: socket.socket) -> None:
        pass

    def _stop_in_a_frame(self, connection: socket.socket) -> None:
        connection.sendall(BEGIN + self._request[:-3])

    def _leave_a_call(self, connection: socket.socket) -> None:
        connection.sendall(BEGIN + self._request)
        _reset(connection)

    def _break_the_rules(self, connection: socket.socket) -> None:
        """HEADERS on an even stream: the server says GOAWAY and closes."""
        connection.sendall(BEGIN + frame(HEADERS, 5, 2, GET))
        if all(type != GOAWAY for type, _, _, _ in frames_of(connection)):
            raise ValueError("it is let to break the rules")


def _reset(connection: socket.socket) -> None:
    """Closed, it ends with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def serve(assignment: Assignment, control: Connection) -> None:
    """The process."""
    work(control, [Connector(number, assignment) for number in range(THREADS)])
