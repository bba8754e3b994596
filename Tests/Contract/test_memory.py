"""What passes through the server leaves nothing in its memory."""

import contextlib
import os
import socket
import threading

from support.client import Client
from support.http2 import ACK, SETTINGS, frame
from support.stubs import automaton_pb2
from support.waiting import eventually


def deaf(listener: socket.socket, connections: contextlib.ExitStack) -> None:
    """Accepts connections, says that it speaks HTTP/2, and reads nothing."""
    with contextlib.suppress(OSError):
        while True:
            connection = connections.enter_context(listener.accept()[0])
            connection.sendall(frame(SETTINGS, 0, 0) + frame(SETTINGS, ACK, 0))


def test_memory_of_large_requests_is_given_back(measured, spaces):
    """Requests that their processor does not take: when they are answered, nothing of them
    stays."""
    server = measured()
    large = os.urandom(8 << 20)
    with contextlib.ExitStack() as connections, contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        accepting = threading.Thread(target=deaf, args=(listener, connections), daemon=True)
        accepting.start()
        stack.callback(accepting.join)
        # Closed alone it would go on to accept.
        stack.callback(listener.shutdown, socket.SHUT_RDWR)
        endpoint = f"127.0.0.1:{listener.getsockname()[1]}"
        space = spaces(server.client, endpoint=endpoint, timeout=2)
        clients = [stack.enter_context(contextlib.closing(Client(server.client.address)))
                   for _ in range(10)]
        before = server.resident
        for _ in range(3):
            starts = [clients[number % 10].automaton.Start.future(automaton_pb2.StartRequest(
                namespace=space.name, id=f"m{number}", args=large), timeout=30)
                for number in range(40)]
            assert all(start.code().name != "OK" for start in starts)
        eventually(
            lambda: server.metrics.value("progressor_limit_used", limit="pending_size") == 0,
            "nothing is pending")
        eventually(lambda: server.resident - before < 256 << 20, "the memory is given back")
