"""A processor as a process of its own, which can be frozen and killed. It answers each stimulus
with one event, and calls with its own name."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from .ports import free_port
from .processes import send_signal
from .processor import Answer, Invocation, ScriptedProcessor


class ProcessorProcess:
    """`launcher` starts it where the address is."""

    def __init__(self, name: str, port: int | None = None, host: str = "127.0.0.1",
                 launcher: Iterable[str] = ()):
        self.port = port or free_port()
        self._process = subprocess.Popen(
            [*launcher, sys.executable, "-m", "support.processor_process", name, host,
             str(self.port)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        self.port = int(self._process.stdout.readline())

    def send_signal(self, number: int) -> None:
        send_signal(self._process.pid, number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(30)
        self._process.stdin.close()
        self._process.stdout.close()


def main() -> None:
    name, host, port = sys.argv[1:]
    processor = ScriptedProcessor(int(port), host=host)

    def behave(invocation: Invocation) -> Answer:
        return Answer(response=name.encode(), events=[invocation.args])

    processor.behaviour = behave
    print(processor.port, flush=True)
    # Until whoever started it is gone.
    while os.read(sys.stdin.fileno(), 1):
        pass


if __name__ == "__main__":
    main()
