"""Processes of the torture itself."""

import multiprocessing
from collections.abc import Callable

_context = multiprocessing.get_context("spawn")


class Child:
    """A Python process of the torture, with a control connection; it ends with that. `told` is what
    it said when it was ready."""

    def __init__(self, target: Callable, *arguments):
        self.control, theirs = _context.Pipe()
        self.process = _context.Process(target=target, args=(*arguments, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.told = self.wait("it is ready", 60)

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait(self, what: str, timeout: float):
        assert self.control.poll(timeout), f"not within {timeout:g} s: {what}"
        return self.control.recv()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.control.close()
