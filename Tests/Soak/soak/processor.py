"""The processor as a process of its own: one event for each stimulus, and a timer for who asks."""

import os
from multiprocessing.connection import Connection

from support.processor import Answer, Invocation, ScriptedProcessor, content, timer_in

TIMER = b"timer"  # arguments that ask for one


class SteadyProcessor(ScriptedProcessor):
    """Remembers nothing of what it was asked: a soak is long."""

    def process(self, invocation: Invocation) -> Answer:
        timer = timer_in(0.5) if invocation.args == TIMER else None
        return Answer(response=invocation.args, events=[invocation.args], timer=timer,
                      aux_state=content(invocation.args))


def serve(port: int, control: Connection) -> None:
    """The process; it ends with its control connection."""
    SteadyProcessor(port)
    control.send("ready")
    try:
        control.recv()
    except EOFError:
        os._exit(0)
