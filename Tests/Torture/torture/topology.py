"""The processes: PostgreSQL, servers, processor, proxies between all of them."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from support.client import Client
from support.postgres import Postgres
from support.processes import children, postmasters, send_signal
from support.server import Server, free_port
from support.waiting import eventually

from . import processor, proxy, receiver
from .child import Child
from .kafka import Kafka
from .names import Names, Naming

LEASE = "2s"
PROCESSOR_LINK = "servers to processor"
SAFEGUARD = "PROGRESSOR_TEST_SAFEGUARD_OFF"


class Proxies:
    """The process of the links. `targets` maps a link to the port behind it, `hosts` to where it
    listens; else 127.0.0.1."""

    def __init__(self, targets: dict[str, int], hosts: dict[str, list[str]] | None = None):
        self._ports = {name: free_port() for name in targets}
        links = [(name, (hosts or {}).get(name, ["127.0.0.1"]), self._ports[name], target)
                 for name, target in targets.items()]
        self._child = Child(proxy.serve, links)

    @property
    def names(self) -> list[str]:
        return list(self._ports)

    def port(self, name: str) -> int:
        return self._ports[name]

    def set(self, name: str, mode: proxy.Mode, seconds: float) -> None:
        self._child.control.send((name, mode.value, seconds))

    def move(self, name: str, host: str) -> None:
        self._child.control.send((name, host, 0))

    def close(self) -> None:
        self._child.kill()


class Node:
    """A server, and whether it is meant to run."""

    def __init__(self, server: Server):
        self.server = server
        self.wanted = False

    def start(self) -> None:
        self.server.start(wait=False)
        self.wanted = True

    def kill(self) -> None:
        self.wanted = False
        self.server.kill()

    def terminate(self) -> int:
        self.wanted = False
        # It may have been started a moment ago, by the end of another fault.
        eventually(lambda: not self.server.running or self.server.handles_stop,
                   "a server handles SIGTERM", timeout=30)
        return self.server.terminate()

    def exit_status(self) -> int | None:
        """How it ended although nobody wanted that."""
        return self.server.wait(0) if self.wanted and not self.server.running else None


class Topology:
    """Two nodes on one PostgreSQL, or one node with a PostgreSQL of its own."""

    # Whether a node that ended by itself, with this status, did as it should.
    excused: Callable[[Node, int], bool] = staticmethod(lambda node, status: False)

    def __init__(self, nodes: int, cores: int, seed: int, logs: Path, naming: Naming,
                 has_sinks: bool = False):
        self._cores, self._seed, self._logs = cores, seed, logs
        # Where servers deliver the feed; 0 and None = nowhere.
        self.webhook_port = free_port() if has_sinks else 0
        self.kafka = Kafka() if has_sinks else None
        self.names = Names(naming, logs)
        self._lives = 0
        self.postgres = Postgres() if nodes > 1 else None
        self.processor_port = free_port()
        targets = {PROCESSOR_LINK: self.processor_port}
        if self.postgres:
            self.postgres.start()
            self.postgres.new_database()
            targets |= {f"node {n} to PostgreSQL": self.postgres.port for n in range(1, nodes + 1)}
        inner = Proxies(targets, {PROCESSOR_LINK: self.names.addresses})
        self.nodes = [Node(self._server(n, inner)) for n in range(1, nodes + 1)]
        outer = Proxies({f"clients to node {n}": node.server.port
                         for n, node in enumerate(self.nodes, 1)})
        self.proxies = {name: proxies for proxies in (inner, outer) for name in proxies.names}
        self.addresses = [f"127.0.0.1:{outer.port(name)}" for name in outer.names]
        self.endpoint = f"{self.names.name}:{inner.port(PROCESSOR_LINK)}"
        self.processor: Child | None = None

    def _server(self, number: int, inner: Proxies) -> Server:
        environment = {"PROGRESSOR_LEASE": LEASE, "PROGRESSOR_DRAIN_TIMEOUT": "2s",
                       "PROGRESSOR_CORES": str(self._cores)}
        if SAFEGUARD in os.environ:
            environment[SAFEGUARD] = os.environ[SAFEGUARD]
        arguments = self._sinks()
        if not self.postgres:
            return Server(arguments, environment=environment)
        port = inner.port(f"node {number} to PostgreSQL")
        url = self.postgres.url.replace(f":{self.postgres.port}/", f":{port}/")
        return Server(["--database-url", url, *arguments], embedded=False, environment=environment)

    def _sinks(self) -> list[str]:
        if not self.kafka:
            return []
        hook = {"url": f"http://127.0.0.1:{self.webhook_port}/", "batch": 20,
                "timeout": f"{receiver.TIMEOUT:g}s"}
        file = self._logs.parent / "sinks.yaml"
        file.write_text(json.dumps({"sinks": [
            {"name": receiver.SINK, "webhook": hook}, self.kafka.sink]}))
        return ["--config", str(file)]

    def start(self) -> None:
        self.start_processor()
        for node in self.nodes:
            node.start()
        eventually(self.serving, "a node serves", timeout=60)

    def start_processor(self) -> None:
        self._lives += 1
        seed = hash((self._seed, self._lives))
        self.processor = Child(processor.serve, self.processor_port, seed, self._logs)

    def move_processor(self) -> None:
        """Its name gets another address; at the old one there is nobody any more."""
        self.proxies[PROCESSOR_LINK].move(PROCESSOR_LINK, self.names.move())

    def serving(self) -> list[Client]:
        """The nodes that say that they serve, reached without proxies."""
        return [node.server.client for node in self.nodes if node.server.client.serving()]

    def restart_ended(self) -> Iterator[str]:
        """Starts the servers again that ended by themselves, as a supervisor does: one may have
        found its PostgreSQL in a state in which that could not start. Says why each ended that is
        not excused."""
        for number, node in enumerate(self.nodes, 1):
            if (status := node.exit_status()) is not None:
                if not self.excused(node, status):
                    yield f"node {number} ended with {status}; its log:\n{node.server.log_tail()}"
                node.start()

    def postmasters(self) -> list[int]:
        return postmasters(self.postgres.data if self.postgres else self.nodes[0].server.data)

    def sessions(self) -> list[int]:
        """The processes of PostgreSQL below its postmaster."""
        return [pid for postmaster in self.postmasters() for pid in children(postmaster)]

    def close(self) -> None:
        for node in self.nodes:
            if node.server.running:
                node.kill()
        for proxies in {id(p): p for p in self.proxies.values()}.values():
            proxies.close()
        if self.processor:
            self.processor.kill()
        if self.kafka:
            self.kafka.close()
        self._signal_postgres(signal.SIGCONT)
        if self.postgres:
            self.postgres.close()
        else:
            self._signal_postgres(signal.SIGKILL)
        for node in self.nodes:
            node.server.close()
        self.names.close()

    def _signal_postgres(self, number: int) -> None:
        for pid in self.postmasters() + self.sessions():
            send_signal(pid, number)
