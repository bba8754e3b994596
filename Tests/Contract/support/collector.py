"""A collector of traces as OpenTelemetry's protocol has it, which answers as a test says."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1 import trace_pb2

from .ports import free_port

Answer = Callable[[trace_service_pb2.ExportTraceServiceRequest, grpc.ServicerContext],
                  trace_service_pb2.ExportTraceServiceResponse]


@dataclass
class Seen:
    """One span, with what was said of its process."""

    span: trace_pb2.Span
    resource: dict[str, str | int]
    metadata: dict[str, str]
    attributes: dict[str, str | int] = field(init=False)

    def __post_init__(self):
        self.attributes = values(self.span.attributes)

    @property
    def id(self) -> str:
        return self.span.span_id.hex()

    @property
    def parent(self) -> str:
        return self.span.parent_span_id.hex()

    @property
    def links(self) -> list[str]:
        return [link.span_id.hex() for link in self.span.links]


def values(attributes) -> dict[str, str | int]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


def take(request, context) -> trace_service_pb2.ExportTraceServiceResponse:
    return trace_service_pb2.ExportTraceServiceResponse()


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Serves from `start` on."""

    def __init__(self, answer: Answer = take, credentials: grpc.ServerCredentials | None = None):
        self.answer = answer
        self.asked = 0
        self._credentials = credentials
        self._lock = threading.Lock()
        self._seen: list[Seen] = []
        self._server: grpc.Server | None = None
        self.port = free_port()

    @property
    def endpoint(self) -> str:
        scheme = "https" if self._credentials else "http"
        return f"{scheme}://localhost:{self.port}"

    def start(self) -> "Collector":
        server = grpc.server(ThreadPoolExecutor(max_workers=8),
                             options=[("grpc.so_reuseport", 0)])
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, server)
        address = f"127.0.0.1:{self.port}"
        if self._credentials:
            server.add_secure_port(address, self._credentials)
        else:
            server.add_insecure_port(address)
        server.start()
        self._server = server
        return self

    def stop(self) -> None:
        if self._server:
            self._server.stop(grace=0).wait()
            self._server = None

    def Export(self, request, context):
        with self._lock:
            self.asked += 1
        response = self.answer(request, context)
        metadata = dict(context.invocation_metadata())
        with self._lock:
            for group in request.resource_spans:
                resource = values(group.resource.attributes)
                for scope in group.scope_spans:
                    self._seen += [Seen(span, resource, metadata) for span in scope.spans]
        return response

    def spans(self, **wanted) -> list[Seen]:
        """Those that have these parts: `trace`, `kind`, `machine`, `name`."""
        with self._lock:
            seen = list(self._seen)
        return [each for each in seen if all(_part(each, name) == value
                                             for name, value in wanted.items())]


def _part(seen: Seen, name: str):
    match name:
        case "trace":
            return seen.span.trace_id.hex()
        case "kind":
            return trace_pb2.Span.SpanKind.Name(seen.span.kind).removeprefix("SPAN_KIND_").lower()
        case "machine":
            return seen.attributes.get("progressor.machine_id")
        case _:
            return getattr(seen.span, name)
