"""gRPC's interoperability tests: the cases by Python's gRPC as a client, its server of the test
service, and the program of Tests/Interop on either side."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures

import grpc

from .server import BINARY
from .stubs import ROOT, generate

sys.path.insert(0, str(generate(ROOT / "Tests" / "Interop" / "proto", "grpc")))

# The package grpc is Python's gRPC: what was generated is a part of it.
grpc.__path__.append(f"{sys.path[0]}/grpc")

from grpc.testing import messages_pb2 as messages  # noqa: E402
from grpc.testing import test_pb2, test_pb2_grpc  # noqa: E402

PROGRAM = BINARY.with_name("grpc-interop")
INITIAL = "x-grpc-test-echo-initial"
TRAILING = "x-grpc-test-echo-trailing-bin"
REQUEST_SIZES = [27182, 8, 1828, 45904]
RESPONSE_SIZES = [31415, 9, 2653, 58979]
SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
# Python's server does not see whether a request came compressed.
UNSEEN = {"client_compressed_unary", "client_compressed_streaming"}


class SwiftServer:
    """The program as a server."""

    def __init__(self):
        self._process = subprocess.Popen([PROGRAM, "server"], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)
        self.address = f"127.0.0.1:{int(self._process.stdout.readline())}"

    def close(self) -> None:
        self._process.communicate(timeout=30)


def swift_client(address: str, case: str) -> str:
    """What the program says of a case; "well" when it is."""
    done = subprocess.run([PROGRAM, "client", address, case], capture_output=True, text=True,
                          timeout=60)
    return done.stdout.strip().removeprefix(f"{case}: ") + done.stderr


class PythonServer(test_pb2_grpc.TestServiceServicer):
    """The test service by Python's gRPC."""

    def __init__(self):
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        test_pb2_grpc.add_TestServiceServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def close(self) -> None:
        self._server.stop(None).wait()

    def EmptyCall(self, request, context):  # noqa: N802
        return test_pb2.Empty()

    def UnaryCall(self, request, context):  # noqa: N802
        echo(context)
        refuse(request, context)
        if request.response_compressed.value:
            context.set_compression(grpc.Compression.Gzip)
        return messages.SimpleResponse(payload=payload(request.response_size))

    def StreamingOutputCall(self, request, context):  # noqa: N802
        yield from answers(request, context)

    def StreamingInputCall(self, requests, context):  # noqa: N802
        size = sum(len(request.payload.body) for request in requests)
        return messages.StreamingInputCallResponse(aggregated_payload_size=size)

    def FullDuplexCall(self, requests, context):  # noqa: N802
        echo(context)
        for request in requests:
            refuse(request, context)
            yield from answers(request, context)


def answers(request, context) -> Iterator:
    if any(one.compressed.value for one in request.response_parameters):
        context.set_compression(grpc.Compression.Gzip)
    for one in request.response_parameters:
        if not one.compressed.value:
            context.disable_next_message_compression()
        yield messages.StreamingOutputCallResponse(payload=payload(one.size))


def echo(context) -> None:
    for name, value in context.invocation_metadata():
        if name == INITIAL:
            context.send_initial_metadata([(name, value)])
        if name == TRAILING:
            context.set_trailing_metadata([(name, value)])


def refuse(request, context) -> None:
    if request.response_status.code:
        status = request.response_status
        context.abort(next(c for c in grpc.StatusCode if c.value[0] == status.code),
                      status.message)


def payload(size: int):
    return messages.Payload(body=bytes(size))


class PythonClient:
    """The cases by Python's gRPC. Each raises what is not as it has to be."""

    def __init__(self, address: str):
        self._channel = grpc.insecure_channel(address)
        self._stub = test_pb2_grpc.TestServiceStub(self._channel)

    def close(self) -> None:
        self._channel.close()

    def run(self, case: str) -> None:
        getattr(self, case)()

    def empty_unary(self) -> None:
        assert self._stub.EmptyCall(test_pb2.Empty(), timeout=20) == test_pb2.Empty()

    def _large(self, **fields):
        return messages.SimpleRequest(response_size=314159, payload=payload(271828), **fields)

    def _unary(self, request, **options) -> None:
        answer = self._stub.UnaryCall(request, timeout=20, **options)
        assert len(answer.payload.body) == 314159

    def large_unary(self) -> None:
        self._unary(self._large())

    def client_compressed_unary(self) -> None:
        expecting = self._large(expect_compressed=wish(True))
        fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: self._unary(expecting))
        self._unary(expecting, compression=grpc.Compression.Gzip)
        self._unary(self._large(expect_compressed=wish(False)))

    def server_compressed_unary(self) -> None:
        for wanted in (True, False):
            self._unary(self._large(response_compressed=wish(wanted)))

    def _sum(self, requests: Iterable, **options) -> int:
        answer = self._stub.StreamingInputCall(iter(requests), timeout=20, **options)
        return answer.aggregated_payload_size

    def client_streaming(self) -> None:
        sizes = [messages.StreamingInputCallRequest(payload=payload(n)) for n in REQUEST_SIZES]
        assert self._sum(sizes) == 74922

    def client_compressed_streaming(self) -> None:
        expecting = messages.StreamingInputCallRequest(
            payload=payload(27182), expect_compressed=wish(True))
        fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: self._sum([expecting]))
        other = messages.StreamingInputCallRequest(payload=payload(45904))
        assert self._sum([expecting, other], compression=grpc.Compression.Gzip) == 73086

    def _output(self, *parameters) -> list[int]:
        request = messages.StreamingOutputCallRequest(response_parameters=parameters)
        calls = self._stub.StreamingOutputCall(request, timeout=20)
        return [len(answer.payload.body) for answer in calls]

    def server_streaming(self) -> None:
        assert self._output(*map(asking, RESPONSE_SIZES)) == RESPONSE_SIZES

    def server_compressed_streaming(self) -> None:
        sizes = self._output(asking(31415, True), asking(92653, False))
        assert sizes == [31415, 92653]

    def ping_pong(self) -> None:
        requests = Requests()
        calls = self._stub.FullDuplexCall(requests, timeout=20)
        for size, wanted in zip(REQUEST_SIZES, RESPONSE_SIZES, strict=True):
            requests.add(messages.StreamingOutputCallRequest(
                response_parameters=[asking(wanted)], payload=payload(size)))
            assert len(next(calls).payload.body) == wanted
        requests.end()
        assert list(calls) == []

    def empty_stream(self) -> None:
        assert list(self._stub.FullDuplexCall(iter(()), timeout=20)) == []

    def custom_metadata(self) -> None:
        metadata = [(INITIAL, "test_initial_metadata_value"), (TRAILING, b"\xab\xab\xab")]
        _, unary = self._stub.UnaryCall.with_call(self._large(), timeout=20, metadata=metadata)
        request = messages.StreamingOutputCallRequest(response_parameters=[asking(314159)])
        duplex = self._stub.FullDuplexCall(iter([request]), timeout=20, metadata=metadata)
        assert [len(answer.payload.body) for answer in duplex] == [314159]
        for call in (unary, duplex):
            assert metadata[0] in list(call.initial_metadata())
            assert metadata[1] in list(call.trailing_metadata())

    def _status(self, text: str) -> None:
        status = messages.EchoStatus(code=2, message=text)
        duplex = messages.StreamingOutputCallRequest(response_status=status)
        for call in (
            lambda: self._stub.UnaryCall(messages.SimpleRequest(response_status=status)),
            lambda: list(self._stub.FullDuplexCall(iter([duplex]), timeout=20)),
        ):
            assert fails(grpc.StatusCode.UNKNOWN, call).details() == text

    def status_code_and_message(self) -> None:
        self._status("test status message")

    def special_status_message(self) -> None:
        self._status(SPECIAL)

    def unimplemented_method(self) -> None:
        fails(grpc.StatusCode.UNIMPLEMENTED,
              lambda: self._stub.UnimplementedCall(test_pb2.Empty(), timeout=20))

    def unimplemented_service(self) -> None:
        stub = test_pb2_grpc.UnimplementedServiceStub(self._channel)
        fails(grpc.StatusCode.UNIMPLEMENTED,
              lambda: stub.UnimplementedCall(test_pb2.Empty(), timeout=20))

    def cancel_after_begin(self) -> None:
        call = self._stub.StreamingInputCall.future(Requests(), timeout=20)
        call.cancel()
        assert call.cancelled() and call.code() is grpc.StatusCode.CANCELLED

    def cancel_after_first_response(self) -> None:
        requests = Requests()
        calls = self._stub.FullDuplexCall(requests, timeout=20)
        requests.add(messages.StreamingOutputCallRequest(
            response_parameters=[asking(31415)], payload=payload(27182)))
        next(calls)
        calls.cancel()
        fails(grpc.StatusCode.CANCELLED, lambda: next(calls))

    def timeout_on_sleeping_server(self) -> None:
        requests = Requests()
        requests.add(messages.StreamingOutputCallRequest(payload=payload(27182)))
        calls = self._stub.FullDuplexCall(requests, timeout=0.001)
        fails(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: next(calls))
        requests.end()


CASES = [name for name in vars(PythonClient) if not name.startswith("_")
         and name not in ("close", "run")]


class Requests:
    """Requests that are made as the call goes on."""

    def __init__(self):
        self._coming: futures.Future = futures.Future()
        self._waiting = [self._coming]

    def add(self, request) -> None:
        coming, self._coming = self._coming, futures.Future()
        self._waiting.append(self._coming)
        coming.set_result(request)

    def end(self) -> None:
        self._coming.set_result(None)

    def __iter__(self) -> "Requests":
        return self

    def __next__(self):
        request = self._waiting.pop(0).result(timeout=20)
        if request is None:
            raise StopIteration
        return request


def wish(wanted: bool):
    return messages.BoolValue(value=wanted)


def asking(size: int, compressed: bool = False):
    return messages.ResponseParameters(size=size, compressed=wish(compressed))


def fails(code: grpc.StatusCode, call: Callable) -> grpc.RpcError:
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() is code, error
        return error
    raise AssertionError(f"{code} was to come")
