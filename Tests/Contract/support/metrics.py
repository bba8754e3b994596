"""What a server says of itself at /metrics."""

import re
import urllib.request
from collections.abc import Callable
from pathlib import Path

from .client import Client
from .ports import free_port
from .server import Server

SAMPLE = re.compile(r'^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One look at an endpoint."""

    def __init__(self, text: str):
        self.samples: dict[tuple[str, frozenset], float] = {}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            sample = SAMPLE.match(line)
            assert sample, f"no sample: {line}"
            labels = frozenset(LABEL.findall(sample["labels"] or ""))
            key = (sample["name"], labels)
            assert key not in self.samples, f"twice: {line}"
            self.samples[key] = float(sample["value"])

    def value(self, name: str, **labels: str) -> float:
        """The sample with exactly these labels; 0 when there is none."""
        return self.samples.get((name, frozenset(labels.items())), 0.0)

    def refused(self, limit: str, namespace: str | None = None) -> float:
        if namespace is None:
            return self.value("progressor_limit_refusals_total", limit=limit)
        return self.value(
            "progressor_namespace_limit_refusals_total", namespace=namespace, limit=limit)

    def used(self, limit: str, namespace: str) -> float:
        return self.value("progressor_namespace_limit_used", namespace=namespace, limit=limit)


def metrics_of(address: str) -> Metrics:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as response:
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        return Metrics(response.read().decode())


class Measured:
    """A server of the test's own with these limits, and its metrics."""

    def __init__(self, servers: Callable[..., Server], **limits: str):
        self._metrics = f"127.0.0.1:{free_port()}"
        environment = {f"PROGRESSOR_LIMITS_{name.upper()}": value
                       for name, value in limits.items()}
        self.server = servers("--metrics-listen", self._metrics, environment=environment).start()
        self.client = self.server.client

    @property
    def resident(self) -> int:
        """Bytes of memory that the process has."""
        status = Path(f"/proc/{self.server.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    @property
    def metrics(self) -> Metrics:
        return metrics_of(self._metrics)
