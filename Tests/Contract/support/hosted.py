"""A server on a host of its own, with its database, its processor and its clients on others."""

import contextlib
import threading
import time
import uuid

from .client import Client, Space
from .doors import Door
from .hosts import Network
from .postgres import Postgres
from .processor import Answer, ScriptedProcessor
from .server import Server, fastest_folder, scratch_directory
from .stubs import automaton_pb2
from .waiting import eventually

# Shorter than the default, because an outage has to be longer. Seconds.
LEASE = 6


class Hosted:
    """`server.client` speaks from the host `client`; `endpoint` is the shared processor's, on the
    host `processor`."""

    def __init__(self, network: Network, processor: ScriptedProcessor):
        self.network = network
        with contextlib.ExitStack() as ends:
            host = network["database"]
            self.database = Postgres(address=host.address, launcher=host.launcher).start()
            ends.callback(self.database.close)
            self.database.new_database()
            self.server = Server(
                ["--database-url", self.database.url, "--insecure"],
                scratch_directory(fastest_folder()), embedded=False,
                environment={"PROGRESSOR_LEASE": f"{LEASE}s"},
                launcher=network["server"].launcher)
            ends.callback(self._end_server)
            self.address, port = network["server"].address, self.server.port
            self.server.arguments += ["--listen", f"{self.address}:{port}"]
            door = Door.out_of(network["client"], self.address, port, outside=port)
            ends.callback(door.close)
            door = Door.into(network["processor"], processor.port, processor.port)
            ends.callback(door.close)
            self.endpoint = f"{network['processor'].address}:{processor.port}"
            self.server.start()
            self._ends = ends.pop_all()

    def client_on(self, host: str) -> Client:
        """Another client, on a host of its own."""
        door = Door.out_of(self.network[host], self.address, self.server.port)
        self._ends.callback(door.close)
        return Client(f"127.0.0.1:{door.port}")

    def close(self) -> None:
        self._ends.close()

    def _end_server(self) -> None:
        if self.server.running:
            # In order it would wait for clients that are gone.
            self.server.kill()
        self.server.close()


class Departed:
    """Two clients whose links were cut for ever: one waits for an answer, one was being sent a
    large one."""

    def __init__(self, hosted: Hosted, processor: ScriptedProcessor):
        self.server = hosted.network["server"]
        self.peers = {name: hosted.network[name].address for name in ("waiting", "reading")}
        self._end = threading.Event()
        space = Space(hosted.server.client, processor, f"departed-{uuid.uuid4().hex[:8]}")
        space.behave(self._behave)
        space.client.create_namespace(space.name, hosted.endpoint, timeout=600)
        space.start("m", b"0")
        for number in range(5):
            space.call("m", b"%d" % number)
        self._clients = [hosted.client_on(name) for name in self.peers]
        waiting, reading = (space.on(client) for client in self._clients)
        self._calls = [waiting.call_later("m", b"wait", timeout=600)]
        eventually(lambda: space.invocations("m")[-1].args == b"wait", "it is under way")
        link, address = hosted.network["reading"].link, self.peers["reading"]
        link.delay, link.rate = 0.01, 500_000
        get = automaton_pb2.GetRequest(namespace=space.name, id="m")
        self._calls.append(reading.client.automaton.Get.future(get, timeout=600))
        eventually(lambda: hosted.network.sent[address] > 500, "it is being answered")
        for name in self.peers:
            assert self.held(name) == 1
            hosted.network[name].link.is_cut = True
        self._cut_at = time.monotonic()

    def _behave(self, invocation) -> Answer:
        if invocation.args == b"wait":
            self._end.wait(600)
        return Answer(events=[bytes(1 << 20)])

    @property
    def age(self) -> float:
        """Seconds since they were cut off."""
        return time.monotonic() - self._cut_at

    def held(self, name: str) -> int:
        """How many connections of the client the server still has."""
        return self.server.held_connections(self.peers[name])

    def close(self) -> None:
        self._end.set()
        for call in self._calls:
            call.cancel()
        for client in self._clients:
            client.close()
