"""A processor whose behaviour each test writes for its own namespace, and which remembers all that
it was asked."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import grpc
from google.protobuf import duration_pb2, timestamp_pb2
from google.protobuf.message import Message
from google.rpc import status_pb2
from grpc_status import rpc_status

from .ports import free_port
from .stubs import processor_pb2, types_pb2

UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
             ("grpc.so_reuseport", 0)]


@dataclass
class Invocation:
    """One request that the processor got. `kind` is init, timeout, notification, call or repair."""

    kind: str
    args: bytes
    machine: types_pb2.Machine
    metadata: dict[str, str]
    time_remaining: float
    notification_id: str = ""
    idempotency_key: str = ""
    context: grpc.ServicerContext | None = field(default=None, repr=False)
    # The machine whose message it is: namespace and id.
    sender: tuple[str, str] | None = None
    # Of a message that can never be delivered.
    undelivered: types_pb2.UndeliveredSignal | None = None
    at: float = field(default_factory=time.time)

    @property
    def step(self) -> str:
        return self.metadata["progressor-step"]

    @property
    def attempt(self) -> int:
        return int(self.metadata["progressor-attempt"])


@dataclass
class Answer:
    """What a behaviour returns; becomes the response message that the method needs."""

    response: bytes = b""
    events: Iterable[bytes | types_pb2.Content] = ()
    aux_state: types_pb2.Content | None = None
    timer: types_pb2.SetTimer | types_pb2.UnsetTimer | None = None
    remove: bool = False
    fail: str | None = None
    waiting_for: str | None = None
    send: Iterable[types_pb2.OutgoingMessage] = ()
    cancel: Iterable[str] = ()


class Refusal(Exception):
    """A behaviour's gRPC error; with details, also as a google.rpc.Status."""

    def __init__(self, code: grpc.StatusCode, message: str = "no", details: Iterable[Message] = ()):
        super().__init__(message)
        self._code = code
        self._status = status_pb2.Status(code=code.value[0], message=message)
        for detail in details:
            self._status.details.add().Pack(detail)

    def answer(self, context: grpc.ServicerContext) -> None:
        if self._status.details:
            context.abort_with_status(rpc_status.to_status(self._status))
        context.abort(self._code, self._status.message)


@dataclass
class Messages:
    """A behaviour's answer as it goes over the wire: as many messages, of whatever bytes."""

    messages: list[bytes]


Behaviour = Callable[[Invocation], Answer | Messages | None]


def content(data: bytes, version: int = 0) -> types_pb2.Content:
    return types_pb2.Content(format_version=version, data=data)


def timer_in(seconds: float, **rest) -> types_pb2.SetTimer:
    duration = duration_pb2.Duration()
    duration.FromNanoseconds(int(seconds * 1e9))
    return types_pb2.SetTimer(timeout=duration, **rest)


def timer_at(unix: float, **rest) -> types_pb2.SetTimer:
    deadline = timestamp_pb2.Timestamp()
    deadline.FromNanoseconds(int(unix * 1e6) * 1000)
    return types_pb2.SetTimer(deadline=deadline, **rest)


def message(id: str, args: bytes = b"", namespace: str = "", *, start: bool = False,
            ignore_existing: bool = False, delay: float | None = None, at: float | None = None,
            name: str = "", report: bool = False) -> types_pb2.OutgoingMessage:
    """A message to a machine: a notification, unless it starts it. `delay` in seconds, `at` in Unix
    time."""
    made = types_pb2.OutgoingMessage(namespace=namespace, id=id, name=name, report_failure=report)
    if start:
        made.start.args, made.start.ignore_existing = args, ignore_existing
        made.start.SetInParent()
    else:
        made.notify.args = args
        made.notify.SetInParent()
    if delay is not None:
        made.delay.FromNanoseconds(int(delay * 1e9))
        made.delay.SetInParent()
    if at is not None:
        made.deliver_at.FromNanoseconds(int(at * 1e6) * 1000)
    return made


class ScriptedProcessor:
    """Serves progressor.v1.Processor on a port. Namespaces without a behaviour answer with one
    event that repeats the arguments."""

    def __init__(self, port: int | None = None, host: str = "127.0.0.1",
                 credentials: grpc.ServerCredentials | None = None):
        # Of namespaces that have none of their own.
        self.behaviour: Behaviour = echo
        self._behaviours: dict[str, Behaviour] = {}
        self._lock = threading.Lock()
        self._running: Counter[tuple[str, str]] = Counter()
        self._most: Counter[tuple[str, str]] = Counter()
        self._seen: defaultdict[str, list[Invocation]] = defaultdict(list)
        self._server = grpc.server(ThreadPoolExecutor(max_workers=128), options=UNLIMITED)
        self._server.add_generic_rpc_handlers((_Handlers(self),))
        address = f"{host}:{port or free_port()}"
        self.port = self._server.add_secure_port(address, credentials) if credentials \
            else self._server.add_insecure_port(address)
        self._server.start()

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    def behave(self, namespace: str, behaviour: Behaviour) -> None:
        self._behaviours[namespace] = behaviour

    def invocations(self, namespace: str, machine: str | None = None) -> list[Invocation]:
        """What was asked so far, oldest first."""
        with self._lock:
            return [seen for seen in self._seen[namespace]
                    if machine is None or seen.machine.id == machine]

    def most_at_once(self, namespace: str, machine: str) -> int:
        """The largest number of invocations of the machine that ever ran at the same time."""
        return self._most[namespace, machine]

    def stop(self) -> None:
        self._server.stop(grace=0).wait()

    def process(self, invocation: Invocation) -> Answer | Messages | None:
        key = (invocation.machine.namespace, invocation.machine.id)
        with self._lock:
            self._seen[key[0]].append(invocation)
            self._running[key] += 1
            self._most[key] = max(self._most[key], self._running[key])
        try:
            return self._behaviours.get(key[0], self.behaviour)(invocation)
        finally:
            with self._lock:
                self._running[key] -= 1


def echo(invocation: Invocation) -> Answer:
    return Answer(response=invocation.args, events=[invocation.args])


class _Handlers(grpc.GenericRpcHandler):
    """Methods are served as streams of responses, so that a behaviour can send none or two."""

    def __init__(self, processor: ScriptedProcessor):
        self._processor = processor

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method = details.method.removeprefix("/progressor.v1.Processor/")
        request = getattr(processor_pb2, f"{method}Request", None)
        response = getattr(processor_pb2, f"{method}Response", None)
        if request is None or response is None:
            return None

        def serve(message: Message, context: grpc.ServicerContext) -> Iterator[bytes]:
            try:
                answer = self._processor.process(_invocation(message, context))
            except Refusal as refusal:
                refusal.answer(context)
            if isinstance(answer, Messages):
                yield from answer.messages
            else:
                yield _response(response, answer or Answer()).SerializeToString()

        return grpc.unary_stream_rpc_method_handler(
            serve, request_deserializer=request.FromString, response_serializer=lambda b: b)


def _invocation(message: Message, context: grpc.ServicerContext) -> Invocation:
    common = dict(
        machine=message.machine, metadata=dict(context.invocation_metadata()), context=context,
        time_remaining=context.time_remaining())
    if isinstance(message, processor_pb2.ProcessCallRequest):
        return Invocation("call", message.args, idempotency_key=message.idempotency_key, **common)
    if isinstance(message, processor_pb2.ProcessRepairRequest):
        return Invocation("repair", message.args, idempotency_key=message.idempotency_key, **common)
    kind = message.signal.WhichOneof("kind")
    signal = getattr(message.signal, kind)
    sender = None
    if kind == "notification" and signal.HasField("sender"):
        sender = (signal.sender.namespace, signal.sender.id)
    return Invocation(kind, getattr(signal, "args", b""),
                      notification_id=getattr(signal, "notification_id", ""), sender=sender,
                      undelivered=signal if kind == "undelivered" else None, **common)


def _response(kind: type[Message], answer: Answer) -> Message:
    message = kind()
    for event in answer.events:
        body = event if isinstance(event, types_pb2.Content) else content(event)
        message.change.events.append(body)
    if answer.aux_state is not None:
        message.change.aux_state.CopyFrom(answer.aux_state)
    if isinstance(answer.timer, types_pb2.SetTimer):
        message.action.set_timer.CopyFrom(answer.timer)
    elif answer.timer is not None:
        message.action.unset_timer.SetInParent()
    if answer.remove:
        message.action.remove = True
    if answer.fail is not None:
        message.action.fail.reason = answer.fail
        message.action.fail.SetInParent()
    if answer.waiting_for is not None:
        message.change.waiting_for = answer.waiting_for
    message.action.send.extend(answer.send)
    message.action.cancel_messages.extend(answer.cancel)
    if kind is not processor_pb2.ProcessSignalResponse:  # a signal has nobody to respond to
        message.response = answer.response
    return message
