"""A client as a user would write it, and how a test says which error it expects."""

import contextlib
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import grpc
import pytest
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from .processor import UNLIMITED, Behaviour, Invocation, ScriptedProcessor
from .stubs import (
    automaton_pb2, automaton_pb2_grpc, cluster_pb2_grpc, event_sink_pb2_grpc, namespaces_pb2,
    namespaces_pb2_grpc, repair_jobs_pb2_grpc, types_pb2,
)

DEADLINE = 30.0
FORWARD = types_pb2.DIRECTION_FORWARD
BACKWARD = types_pb2.DIRECTION_BACKWARD


def history(after: int = 0, limit: int | None = None, direction=FORWARD) -> types_pb2.HistoryRange:
    asked = types_pb2.HistoryRange(after=after, direction=direction)
    if limit is not None:
        asked.limit = limit
    return asked


def duration(seconds: float) -> duration_pb2.Duration:
    value = duration_pb2.Duration()
    value.FromNanoseconds(int(seconds * 1e9))
    return value


class Client:
    """One connection to a server. Every method raises grpc.RpcError."""

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None = None):
        self.address = address
        options = [
            *UNLIMITED, ("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1),
            ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]
        self.channel = grpc.secure_channel(address, credentials, options) if credentials \
            else grpc.insecure_channel(address, options)
        self.automaton = automaton_pb2_grpc.AutomatonStub(self.channel)
        self.namespaces = namespaces_pb2_grpc.NamespacesStub(self.channel)
        self.repair_jobs = repair_jobs_pb2_grpc.RepairJobsStub(self.channel)
        self.cluster = cluster_pb2_grpc.ClusterStub(self.channel)
        self.event_sink = event_sink_pb2_grpc.EventSinkStub(self.channel)
        self.health = health_pb2_grpc.HealthStub(self.channel)

    def serving(self) -> bool:
        with contextlib.suppress(grpc.RpcError):
            reply = self.health.Check(health_pb2.HealthCheckRequest(), timeout=2)
            return reply.status == health_pb2.HealthCheckResponse.SERVING
        return False

    def create_namespace(self, name: str, endpoint: str, **options) -> namespaces_pb2.Namespace:
        """`timeout` (in seconds), `max_in_flight` and `connections` are the processor's; the rest
        are fields of Namespace."""
        processor = namespaces_pb2.ProcessorOptions(
            endpoint=endpoint, max_in_flight=options.pop("max_in_flight", 0),
            connections=options.pop("connections", 0))
        if (timeout := options.pop("timeout", None)) is not None:
            processor.timeout.CopyFrom(duration(timeout))
        namespace = namespaces_pb2.Namespace(name=name, processor=processor, **options)
        request = namespaces_pb2.CreateNamespaceRequest(namespace=namespace)
        return self.namespaces.Create(request, timeout=DEADLINE).namespace

    def close(self) -> None:
        self.channel.close()


@dataclass
class Space:
    """A namespace of a test's own, with its processor: what most tests talk to."""

    client: Client
    processor: ScriptedProcessor
    name: str

    def behave(self, behaviour: Behaviour) -> None:
        self.processor.behave(self.name, behaviour)

    def invocations(self, machine: str | None = None) -> list[Invocation]:
        return self.processor.invocations(self.name, machine)

    def on(self, client: Client) -> "Space":
        """The same namespace through another connection."""
        return Space(client, self.processor, self.name)

    def start(self, id: str, args: bytes = b"", key: str = "", **call) -> None:
        request = automaton_pb2.StartRequest(
            namespace=self.name, id=id, args=args, idempotency_key=key)
        self.client.automaton.Start(request, **_call(call))

    def start_later(self, id: str, args: bytes = b"", **call):
        """The start as a future."""
        request = automaton_pb2.StartRequest(namespace=self.name, id=id, args=args)
        return self.client.automaton.Start.future(request, **_call(call))

    def call_request(self, id: str, args: bytes = b"", key: str = "",
                     range: types_pb2.HistoryRange | None = None) -> automaton_pb2.CallRequest:
        return automaton_pb2.CallRequest(
            namespace=self.name, id=id, args=args, idempotency_key=key, history_range=range)

    def call(self, id: str, args: bytes = b"", key: str = "", range=None, **call) -> bytes:
        request = self.call_request(id, args, key, range)
        return self.client.automaton.Call(request, **_call(call)).response

    def call_later(self, id: str, args: bytes = b"", key: str = "", range=None, **call):
        """The call as a future."""
        request = self.call_request(id, args, key, range)
        return self.client.automaton.Call.future(request, **_call(call))

    def notify(self, id: str, args: bytes = b"", key: str = "", range=None, **call) -> str:
        request = automaton_pb2.NotifyRequest(
            namespace=self.name, id=id, args=args, idempotency_key=key, history_range=range)
        return self.client.automaton.Notify(request, **_call(call)).notification_id

    def get(self, id: str, range=None, **call) -> types_pb2.Machine:
        request = automaton_pb2.GetRequest(namespace=self.name, id=id, history_range=range)
        return self.client.automaton.Get(request, **_call(call)).machine

    def get_later(self, id: str, range=None, *, after: int | None = None,
                  not_working: bool | None = None, **call):
        """A Get that waits, as a future."""
        wait = automaton_pb2.Wait()
        if after is not None:
            wait.after_event_id = after
        if not_working is not None:
            wait.not_working = not_working
        request = automaton_pb2.GetRequest(
            namespace=self.name, id=id, history_range=range, wait=wait)
        return self.client.automaton.Get.future(request, **_call(call))

    def watch(self, id: str, after: int = 0, **call):
        """The messages of a Watch, as they come."""
        request = automaton_pb2.WatchRequest(namespace=self.name, id=id, after_event_id=after)
        return self.client.automaton.Watch(request, **_call(call))

    def messages(self, id: str, page_size: int = 0, page_token: str = "", **call):
        """What the machine has sent and is not delivered: one page."""
        request = automaton_pb2.ListMessagesRequest(
            namespace=self.name, id=id, page_size=page_size, page_token=page_token)
        return self.client.automaton.ListMessages(request, **_call(call))

    def drop_message(self, id: str, number: int, **call) -> None:
        request = automaton_pb2.DropMessageRequest(namespace=self.name, id=id, number=number)
        self.client.automaton.DropMessage(request, **_call(call))

    def retry_message(self, id: str, number: int, **call) -> None:
        request = automaton_pb2.RetryMessageRequest(namespace=self.name, id=id, number=number)
        self.client.automaton.RetryMessage(request, **_call(call))

    def remove(self, id: str, **call) -> None:
        request = automaton_pb2.RemoveRequest(namespace=self.name, id=id)
        self.client.automaton.Remove(request, **_call(call))

    def repair(self, id: str, args: bytes = b"", **call) -> bytes:
        request = automaton_pb2.RepairRequest(namespace=self.name, id=id, args=args)
        return self.client.automaton.Repair(request, **_call(call)).response

    def simple_repair(self, id: str, **call) -> None:
        request = automaton_pb2.SimpleRepairRequest(namespace=self.name, id=id)
        self.client.automaton.SimpleRepair(request, **_call(call))

    def pause(self, id: str, reason: str = "", **call) -> None:
        request = automaton_pb2.PauseRequest(namespace=self.name, id=id, reason=reason)
        self.client.automaton.Pause(request, **_call(call))

    def resume(self, id: str, **call) -> None:
        request = automaton_pb2.ResumeRequest(namespace=self.name, id=id)
        self.client.automaton.Resume(request, **_call(call))

    def pause_all(self, reason: str = "", **call) -> namespaces_pb2.Namespace:
        """Pauses the namespace."""
        request = namespaces_pb2.PauseNamespaceRequest(name=self.name, reason=reason)
        return self.client.namespaces.Pause(request, **_call(call)).namespace

    def resume_all(self, **call) -> namespaces_pb2.Namespace:
        """Resumes the namespace."""
        request = namespaces_pb2.ResumeNamespaceRequest(name=self.name)
        return self.client.namespaces.Resume(request, **_call(call)).namespace

    def pages(self, prefix: str = "", status=automaton_pb2.STATUS_FILTER_UNSPECIFIED,
              page_size: int = 0) -> Iterator[list[types_pb2.Machine]]:
        token = ""
        while True:
            reply = self.client.automaton.List(automaton_pb2.ListRequest(
                namespace=self.name, id_prefix=prefix, status_filter=status, page_size=page_size,
                page_token=token), timeout=DEADLINE)
            yield list(reply.machines)
            token = reply.next_page_token
            if not token:
                return

    def ids(self, **listing) -> list[str]:
        return [machine.id for page in self.pages(**listing) for machine in page]

    def events(self, id: str) -> list[bytes]:
        """The whole history's data, after checking that its ids are 1, 2, 3, … (I3)."""
        machine = self.get(id)
        assert [event.id for event in machine.history] == list(range(1, len(machine.history) + 1))
        assert machine.last_event_id == len(machine.history)
        return [event.body.data for event in machine.history]

    def status(self, id: str) -> str:
        """working, retrying or failed."""
        status = self.get(id, history(limit=0)).status
        if status.WhichOneof("kind") == "working" and status.working.HasField("retrying"):
            return "retrying"
        return status.WhichOneof("kind")


def _call(options: dict) -> dict:
    return {"timeout": DEADLINE, **options}


def at_once(requests: Iterable, method: grpc.UnaryUnaryMultiCallable, window: int = 128) -> None:
    """Sends all requests, at most `window` of them unanswered."""
    waiting = deque()
    for request in requests:
        if len(waiting) == window:
            waiting.popleft().result()
        waiting.append(method.future(request, timeout=DEADLINE))
    while waiting:
        waiting.popleft().result()


@dataclass
class Failure:
    """An error as the client sees it."""

    code: grpc.StatusCode
    message: str
    info: error_details_pb2.ErrorInfo | None
    status: status_pb2.Status | None
    trailers: dict[str, str | bytes]

    @property
    def reason(self) -> str:
        return self.info.reason if self.info else ""


def failure_of(error: grpc.RpcError) -> Failure:
    try:
        status = rpc_status.from_call(error)
    except ValueError:
        # The connection was cut just when the trailers had come: the two do not fit.
        status = None
    info = None
    for detail in status.details if status else ():
        candidate = error_details_pb2.ErrorInfo()
        if detail.Unpack(candidate) and candidate.domain == "progressor":
            info = candidate
            break
    trailers = {key: value for key, value in error.trailing_metadata() or ()}
    return Failure(error.code(), error.details() or "", info, status, trailers)


@contextlib.contextmanager
def fails(code: str | Iterable[str], reason: str | None = None,
          about: tuple[str, str] | None = None) -> Iterator[list[Failure]]:
    """The block must end with this gRPC error. `about` = namespace and machine id that its
    ErrorInfo has to name. The failure is appended to the list for further checks."""
    seen: list[Failure] = []
    with pytest.raises(grpc.RpcError) as caught:
        yield seen
    failure = failure_of(caught.value)
    seen.append(failure)
    codes = {code} if isinstance(code, str) else set(code)
    assert failure.code.name in codes, f"{failure}"
    if reason is not None:
        assert failure.reason == reason, f"{failure}"
        assert failure.message, "an error says in words what is wrong"
    if about is not None:
        assert (failure.info.metadata["namespace"], failure.info.metadata["machine_id"]) == about


class Gate:
    """Lets invocations wait inside the processor until the test opens it."""

    def __init__(self):
        self._open = threading.Event()
        self.entered = threading.Semaphore(0)

    def wait(self) -> None:
        self.entered.release()
        assert self._open.wait(60), "the test never opened the gate"

    def wait_for_entry(self) -> None:
        assert self.entered.acquire(timeout=15), "the processor was not invoked"

    def open(self) -> None:
        self._open.set()
