"""The processor as a process of its own: what it is asked decides its answer, chance its
failures."""

import itertools
import json
import os
import random
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

import grpc
from support.processor import (
    Answer, Invocation, Messages, Refusal, ScriptedProcessor, content, timer_at,
)
from support.stubs import types_pb2

from .record import Ended, Invoked, Log
from .sending import outgoing, sent_of

# How an invocation may end, and how often.
FAILURES = {
    grpc.StatusCode.UNAVAILABLE: 0.03,  # transient
    grpc.StatusCode.ABORTED: 0.01,
    grpc.StatusCode.INTERNAL: 0.008,  # fatal
    grpc.StatusCode.DATA_LOSS: 0.004,
}
REFUSALS = {grpc.StatusCode.FAILED_PRECONDITION: 0.04}  # of calls only: elsewhere it is fatal
NO_ANSWER = 0.002  # OK without a message: fatal
RESET = 0.005  # the stream is reset instead of an answer
SLOW = 0.03
SLOW_SECONDS = (0.05, 0.05, 0.2, 0.5, 1.5, 4.0)


class UnreliableProcessor(ScriptedProcessor):
    """Answers each stimulus with the events that its arguments ask for. What it needs to know of a
    machine is in the machine's aux state: the life's token, the timer that is set, the last
    event."""

    def __init__(self, port: int, seed: int, log: Log):
        self._random = random.Random(seed)
        self._log = log
        self._numbers = itertools.count(1)
        self._pause = threading.Event()
        self.healthy = False
        super().__init__(port)

    def process(self, invocation: Invocation) -> Answer | Messages | None:
        state = _state(invocation.machine)
        asked = json.loads(invocation.args) if invocation.args else {}
        number = f"{os.getpid()}-{next(self._numbers)}"
        self._log.write(_invoked(number, invocation, state, asked))
        invocation.context.add_callback(lambda: self._log.write(Ended(number, time.monotonic())))
        if not self.healthy:
            failure = self._fail(invocation)
            if failure is not None:
                return failure
        return answer(invocation, asked, state)

    def _fail(self, invocation: Invocation) -> Messages | None:
        if self._random.random() < SLOW:
            self._pause.wait(self._random.choice(SLOW_SECONDS))
        draw = self._random.random()
        codes = FAILURES | REFUSALS if invocation.kind == "call" else FAILURES
        for code, share in codes.items():
            draw -= share
            if draw < 0:
                raise Refusal(code, "by chance")
        if draw < RESET:
            invocation.context.cancel()
        elif draw < RESET + NO_ANSWER:
            return Messages([])
        return None


def _state(machine: types_pb2.Machine) -> dict:
    return json.loads(machine.aux_state.data) if machine.HasField("aux_state") else {}


def _invoked(number: str, invocation: Invocation, state: dict, asked: dict) -> Invoked:
    machine = invocation.machine
    stimulus = asked.get("name") or state.get("timer") or "?"
    return Invoked(
        number=number, at=time.monotonic(), namespace=machine.namespace, machine=machine.id,
        token=state.get("token", stimulus), kind=invocation.kind,
        stimulus=stimulus, step=invocation.step, attempt=invocation.attempt,
        epoch=int(invocation.metadata["progressor-epoch"]), saw=machine.last_event_id,
        peer=invocation.context.peer())


def answer(invocation: Invocation, asked: dict, state: dict) -> Answer:
    """Events that say all that the checker wants to know of the step, and the state after them."""
    now = time.time()
    saw = invocation.machine.last_event_id
    parts = asked.get("parts", 1)
    name = asked.get("name") or state.get("timer")
    token = state.get("token", name)
    event = {
        "kind": invocation.kind, "name": name, "of": parts, "token": token, "saw": saw,
        "step": invocation.step, "epoch": int(invocation.metadata["progressor-epoch"]),
        "at": now, "notification": invocation.notification_id}
    timer, due = state.get("timer"), state.get("due")
    if invocation.kind == "timeout":
        event["due"] = due
        timer = due = None
    setting = None
    if asked.get("timer") is not None:
        timer, due = name, now + asked["timer"]
        setting = timer_at(due)
        event["arms"] = due
    send, cancel = _told(invocation, asked, state, event)
    state = {"token": token, "timer": timer, "due": due, "events": saw + parts,
             "send": (asked if setting else state).get("send", [])}
    response = json.dumps({"name": name, "saw": saw, "token": token}).encode()
    messages = {"send": outgoing(name, send), "cancel": cancel}
    if parts == 0:
        return Answer(response=response, remove=asked.get("remove", False), **messages)
    padding = "." * asked.get("padding", 0)
    return Answer(
        response=response, timer=setting, aux_state=content(json.dumps(state).encode()),
        events=[json.dumps({**event, "part": part, "padding": padding}).encode()
                for part in range(1, parts + 1)], **messages)


def _told(invocation: Invocation, asked: dict, state: dict,
          event: dict) -> tuple[list[dict], list[str]]:
    """What the step sends and cancels, but that of one that sets a timer the timeout sends the
    messages. The event tells of it, and of who sent what came."""
    if invocation.sender:
        event["sender"] = "/".join(invocation.sender)
    if lost := invocation.undelivered:
        # Its arguments are those of the message: what they ask for was meant for the receiver.
        event |= {"reason": lost.reason, "receiver": f"{lost.namespace}/{lost.id}"}
        return [], []
    send, cancel = asked.get("send", []), asked.get("cancel", [])
    if invocation.kind == "timeout":
        send = state.get("send", [])
    elif asked.get("timer") is not None:
        send = []
    if send or cancel:
        event |= {"sent": sent_of(event["name"], send), "cancelled": cancel}
    return send, cancel


def serve(port: int, seed: int, directory: Path, control: Connection) -> None:
    """The process. A message over its control connection makes it healthy (True) or unreliable; it
    ends with the connection."""
    log = Log(directory / f"processor-{os.getpid()}.jsonl")
    processor = UnreliableProcessor(port, seed, log)
    control.send("ready")
    while True:
        try:
            processor.healthy = control.recv()
        except EOFError:
            os._exit(0)
