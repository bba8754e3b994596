"""A webhook as a process of its own: it writes down what the servers' sink delivers, and answers
well, or not."""

import json
import os
import random
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection

from google.protobuf import json_format
from support.stubs import event_sink_pb2

from .delivery import Delivered, Delivery

SINK = "webhook"
# What becomes of a request, and how often: an answer is lost, is bad, or comes too late.
FATES = {"good": 85, "lost before": 3, "lost after": 4, "refused": 4, "late": 4}
TIMEOUT = 1.0  # seconds that the sink waits for an answer


@dataclass(frozen=True)
class Receiving:
    """What the process has to do."""

    port: int
    seed: int
    delivery: Delivery


class Hook:
    """What has come, and what becomes of it."""

    def __init__(self, receiving: Receiving):
        self._random = random.Random(f"{receiving.seed}-{os.getpid()}")
        self._lock = threading.Lock()
        self.pause = threading.Event()  # that nobody ends
        self.healthy = False
        self.delivered = Delivered(receiving.delivery)

    def fate(self) -> str:
        if self.healthy:
            return "good"
        with self._lock:
            [fate] = self._random.choices([*FATES], [*FATES.values()])
            return fate

    def take(self, events: list[dict]) -> None:
        self.delivered.take(
            json_format.ParseDict(event["data"], event_sink_pb2.SubscribeResponse())
            for event in events)


def _handler(hook: Hook) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            fate = hook.fate()
            if fate == "lost before":
                self.close_connection = True
                return
            if fate != "refused":
                hook.take(json.loads(body))
            if fate == "lost after":
                self.close_connection = True
                return
            if fate == "late":
                hook.pause.wait(TIMEOUT * 1.5)
            self.send_response(503 if fate == "refused" else 204)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            """What came is in the log."""

    return Handler


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        """Connections are broken on purpose."""


def serve(receiving: Receiving, control: Connection) -> None:
    """The process. It answers each message over its control connection with how far it has come,
    by shard, and ends with that. Who asks waits for it: from then on all goes well."""
    hook = Hook(receiving)
    listener = _Listener(("127.0.0.1", receiving.port), _handler(hook))
    threading.Thread(target=listener.serve_forever, args=(0.1,), daemon=True).start()
    control.send("ready")
    while True:
        try:
            control.recv()
            hook.healthy = True
            control.send(dict(hook.delivered.position))
        except EOFError:
            os._exit(0)
