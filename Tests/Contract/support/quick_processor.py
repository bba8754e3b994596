"""A processor as a process of its own that costs little, for machines by the ten thousand: it
speaks HTTP/2 by hand, answers all calls alike and all signals alike, and tells them apart by what
the arguments of calls begin with."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from .http2 import (
    ACK, DATA, END_STREAM, PING, PREFACE, SETTINGS, frame, frames_of, headers, window_update,
)
from .raw_processor import ANSWER, TRAILERS, prefix
from .stubs import processor_pb2

CALL = b"call"


class QuickProcessor:
    def __init__(self, port: int, call: processor_pb2.ProcessCallResponse,
                 signal: processor_pb2.ProcessSignalResponse):
        """The answers to each call, and to each signal."""
        answers = [answer.SerializeToString().hex() for answer in (call, signal)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.quick_processor", str(port), *answers],
            cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(30)
        self._process.stdin.close()
        self._process.stdout.close()


def _serve(connection: socket.socket, call: bytes, signal: bytes) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.recv(len(PREFACE), socket.MSG_WAITALL)
    connection.sendall(frame(SETTINGS, 0, 0))
    messages: dict[int, bytes] = {}
    for type, flags, stream, payload in frames_of(connection):
        if type == SETTINGS and not flags & ACK:
            connection.sendall(frame(SETTINGS, ACK, 0))
        elif type == PING and not flags & ACK:
            connection.sendall(frame(PING, ACK, 0, payload))
        elif type == DATA:
            # Both requests begin with field 1, behind 7 bytes: the arguments, or the signal.
            messages.setdefault(stream, call if payload[7:7 + len(CALL)] == CALL else signal)
            answer = window_update(0, len(payload)) if payload else b""
            if flags & END_STREAM:
                answer += _answer(stream, messages.pop(stream))
            connection.sendall(answer)


def _answer(stream: int, message: bytes) -> bytes:
    return b"".join((
        headers(stream, ANSWER), frame(DATA, 0, stream, prefix(len(message)) + message),
        headers(stream, TRAILERS, ends=True)))


def main() -> None:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    answers = [bytes.fromhex(answer) for answer in sys.argv[2:]]

    def accept() -> None:
        while True:
            arguments = (listener.accept()[0], *answers)
            threading.Thread(target=_serve, args=arguments, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    print("ready", flush=True)
    # Until whoever started it is gone.
    while os.read(sys.stdin.fileno(), 1):
        pass


if __name__ == "__main__":
    main()
