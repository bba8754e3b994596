"""Servers that deliver the feed themselves."""

import json

from .client import DEADLINE, Space
from .feed import ON
from .metrics import metrics_of
from .ports import free_port
from .stubs import event_sink_pb2


def document(*sinks: dict) -> str:
    """A configuration; JSON is YAML."""
    return json.dumps({"sinks": list(sinks)})


class Delivering:
    """A server with sinks, and a namespace that goes into the feed."""

    def __init__(self, servers, spaces, tmp_path, *sinks: dict):
        path = tmp_path / "progressor.yaml"
        path.write_text(document(*sinks))
        self.metrics_at = f"127.0.0.1:{free_port()}"
        self.server = servers("--config", str(path), "--metrics-listen", self.metrics_at)
        self.server.start()
        self.space: Space = spaces(self.server.client, feed=ON)

    def counted(self, name: str, sink: str = "hook") -> float:
        return metrics_of(self.metrics_at).value(f"progressor_sink_{name}", sink=sink)

    def lag(self, sink: str = "hook") -> int:
        """Entries that the sink has not acknowledged."""
        answer = self.space.client.event_sink.ListConsumers(
            event_sink_pb2.ListConsumersRequest(), timeout=DEADLINE)
        return next(consumer.lag for consumer in answer.consumers if consumer.name == sink)


def run(space: Space, machines: int = 10, calls: int = 5) -> dict[str, list[str]]:
    """Has machines live. Answers what is to be told of each."""
    expected = {}
    for number in range(machines):
        space.start(f"m-{number}", b"init")
        for call in range(calls):
            space.call(f"m-{number}", f"{call}".encode())
        expected[f"m-{number}"] = ["created", "1:init"] + [
            f"{call + 2}:{call}" for call in range(calls)]
    return expected
