"""Takes CloudEvents by POST as a webhook does, and answers as a test says."""

import base64
import hashlib
import hmac
import json
import ssl
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .ports import free_port

# Standard Webhooks: the key of the signatures.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Delivery:
    """One request."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def events(self) -> list[dict]:
        return json.loads(self.body)

    @property
    def is_signed(self) -> bool:
        """As Standard Webhooks 1.0 has it."""
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return f"v1,{signature}" in self.headers.get("webhook-signature", "").split(" ")


# What is answered to a delivery: a status, or nothing ever.
Reply = Callable[[Delivery], int | None]


class WebhookReceiver:
    """Serves from `start` on. What it takes, and what it was asked, in their order."""

    def __init__(self, reply: Reply = lambda delivery: 200, tls: ssl.SSLContext | None = None):
        self.reply = reply
        self.port = free_port()
        self.asked: list[Delivery] = []
        self.taken: list[Delivery] = []
        self.headers: dict[str, str] = {}
        self._tls = tls
        self._server: ThreadingHTTPServer | None = None
        self._stopped = threading.Event()

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}/in"

    def start(self) -> "WebhookReceiver":
        self._stopped.clear()
        self._server = _Listener(("127.0.0.1", self.port), _handler(self))
        if self._tls:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Nobody is there; `start` serves again."""
        self._stopped.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server.drop()
            self._server = None

    def answer(self, delivery: Delivery) -> int | None:
        self.asked.append(delivery)
        status = self.reply(delivery)
        if status is None:
            self._stopped.wait(60)
        elif status // 100 == 2:
            self.taken.append(delivery)
        return status

    @property
    def events(self) -> list[dict]:
        return [event for delivery in list(self.taken) for event in delivery.events]

    @property
    def machines(self) -> dict[str, list[str]]:
        """What it was told of each machine, in a word each, without what came again."""
        told, seen = defaultdict(list), set()
        for event in self.events:
            if event["id"] not in seen:
                seen.add(event["id"])
                told[event["subject"]].append(word(event))
        return dict(told)


def word(event: dict) -> str:
    change = event["type"].removeprefix("progressor.v1.")
    if change == "event":
        told = event["data"]["event"]
        return f"{told['id']}:{base64.b64decode(told['body'].get('data', '')).decode()}"
    if change == "status_changed":
        return next(iter(event["data"]["statusChanged"]["status"]))
    return change


class _Listener(ThreadingHTTPServer):
    """With its connections, to be dropped."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._connections = set()

    def process_request(self, request, client_address):
        self._connections.add(request)
        super().process_request(request, client_address)

    def handle_error(self, request, client_address):
        """Tests break connections on purpose."""

    def drop(self) -> None:
        for connection in self._connections:
            try:
                connection.shutdown(2)
            except OSError:
                pass


def _handler(receiver: WebhookReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.answer(Delivery(headers, body))
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            """The tests look at what came."""

    return Handler
