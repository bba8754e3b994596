"""A processor's name under which everything goes wrong at once: addresses that refuse, that freeze,
that take what is sent and answer nothing, look-ups that fail, a name that moves. What waits is
answered as soon as one address works, and no machine fails for any of it."""

import contextlib
import signal
import socket
import threading
import time

import grpc
import pytest
from support.processor_process import ProcessorProcess
from support.raw_processor import RawProcessor
from support.server import free_port
from support.stubs import automaton_pb2
from support.waiting import eventually

NAME = "shop.test"
# Of 200 machines, half are called and half notified during an outage.
IDS = [f"m{number:03}" for number in range(200)]


@pytest.fixture
def server(named_server):
    return named_server.start()


class Name:
    """Where the name points to."""

    def __init__(self, hosts):
        self._hosts = hosts
        self.point()

    def point(self, *addresses: str) -> None:
        self._hosts.write_text("127.0.0.1 localhost\n" + "".join(
            f"{address} {NAME}\n" for address in addresses))


@contextlib.contextmanager
def silent(port: int, host: str):
    """Takes every connection and all bytes, and never says anything."""
    with contextlib.closing(socket.create_server((host, port), backlog=1000)) as listener:
        connections = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connections.append(listener.accept()[0])
                    threading.Thread(
                        target=drain, args=(connections[-1],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        for connection in connections:
            connection.close()


def drain(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while connection.recv(1 << 16):
            pass


def last(seconds: float) -> None:
    end = time.monotonic() + seconds
    eventually(lambda: time.monotonic() > end, "it lasts", timeout=seconds + 1)


def start_all(space) -> None:
    starts = [space.client.automaton.Start.future(automaton_pb2.StartRequest(
        namespace=space.name, id=id), timeout=60) for id in IDS]
    for start in starts:
        start.result()


def test_a_mixture_of_outages_that_two_hundred_calls_wait_out(server, hosts, spaces):
    name, port = Name(hosts), free_port()
    name.point("127.0.0.2")
    processor = ProcessorProcess("first", port, host="127.0.0.2")
    space = spaces(server.client, endpoint=f"{NAME}:{port}")
    moved = None
    try:
        start_all(space)
        processor.kill()
        # What was sent on a connection that is not yet known to be closed does not wait.
        eventually(lambda: all_wait(space, IDS[:20]), "no connection is left", timeout=30)
        waiting = [space.call_later(id, b"w", timeout=60) for id in IDS[:100]]
        for id in IDS[100:]:
            space.notify(id, b"n")
        seconds = 4
        name.point()  # It does not exist any more.
        last(seconds)
        with silent(port, "127.0.0.3"):
            name.point("127.0.0.3", "127.0.0.4")  # One says nothing, nobody is at the other.
            last(seconds)
            name.point("127.0.0.3", "127.0.0.5")
            moved = ProcessorProcess("moved", port, host="127.0.0.5")
            began = time.monotonic()
            for call in waiting:
                assert call.result().response == b"moved"
            assert time.monotonic() - began < 15
            for id in IDS[100:]:
                eventually(lambda: space.events(id) == [b"", b"n"], "it is delivered", timeout=20)
            # The silent address is in nobody's way.
            assert {space.call(id, timeout=2) for id in IDS[:20]} == {b"moved"}
        assert space.ids(status=automaton_pb2.STATUS_FILTER_FAILED) == []
        assert space.ids(status=automaton_pb2.STATUS_FILTER_RETRYING) == []
    finally:
        processor.kill()
        if moved:
            moved.kill()


def all_wait(space, ids: list[str]) -> bool:
    calls = [space.call_later(id, b"w", timeout=1) for id in ids]
    return all("closed by the peer" not in call.exception().details() for call in calls)


def test_a_processor_that_freezes_under_load_again_and_again(server, hosts, spaces):
    """Beside one that works: calls are lost only until the silence is noticed."""
    name, port = Name(hosts), free_port()
    name.point("127.0.0.2", "127.0.0.3")
    both = [ProcessorProcess(f"p{n}", port, host=f"127.0.0.{n}") for n in (2, 3)]
    try:
        space = spaces(server.client, endpoint=f"{NAME}:{port}", timeout=3)
        start_all(space)
        for round in range(4):
            frozen = both[round % 2]
            frozen.send_signal(signal.SIGSTOP)
            calls = [space.call_later(id, b"c", timeout=20) for id in IDS]
            lost = 0
            for call in calls:
                try:
                    call.result()
                except grpc.RpcError as error:
                    assert error.code() == grpc.StatusCode.UNAVAILABLE, error
                    lost += 1
            assert lost <= len(IDS) * 0.6
            eventually(lambda: all(works(space, id) for id in IDS[:30]),
                       "all go to the other", timeout=20)
            frozen.send_signal(signal.SIGCONT)
            expected = b"p2" if round % 2 == 0 else b"p3"
            eventually(lambda: space.call(IDS[0], timeout=5) == expected, "it is taken again",
                       timeout=45)
        assert space.ids(status=automaton_pb2.STATUS_FILTER_FAILED) == []
    finally:
        for processor in both:
            processor.kill()


def works(space, id: str) -> bool:
    try:
        return bool(space.call(id, timeout=2))
    except grpc.RpcError:
        return False


def test_a_processor_that_acknowledges_pings_and_never_answers(server, hosts, spaces):
    """Its calls end by their timeout; it is not pinged to death, and its sister is called."""
    name, port = Name(hosts), free_port()
    name.point("127.0.0.2")
    mute = RawProcessor(lambda link, stream: None, port=port, host="127.0.0.2")
    space = spaces(server.client, endpoint=f"{NAME}:{port}", timeout=0.4)
    good = None
    try:
        for _ in range(30):
            with pytest.raises(grpc.RpcError) as caught:
                space.start("m", timeout=5)
            assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert mute.pings <= 3 * mute.connections
        assert mute.connections <= 4
        name.point("127.0.0.3")
        good = ProcessorProcess("good", port, host="127.0.0.3")
        mute.stop()
        eventually(lambda: starts(space), "the other is called", timeout=20)
    finally:
        mute.stop()
        if good:
            good.kill()


def starts(space) -> bool:
    try:
        space.start("m", timeout=3)
        return True
    except grpc.RpcError as error:
        return error.code() == grpc.StatusCode.ALREADY_EXISTS
