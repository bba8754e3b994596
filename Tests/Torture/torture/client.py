"""One client: goes on at another node when one is unavailable, repeats what it does not know, and
writes down what it was promised."""

import json
import random
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import grpc
from support.client import BACKWARD, Client, Failure, Space, failure_of, history
from support.stubs import automaton_pb2

from .record import NOTHING, OK, OPEN, Listing, Log, Operation, Pause, Read, Surprise, Watched

LAST_CHANCE = 90.0  # seconds after the faults in which everything has to end

# Reasons of errors that leave nothing behind, by the methods that may answer them.
NOTHING_DONE = {
    "OVERLOADED": {
        "pause", "start", "call", "notify", "repair", "get", "list", "remove", "watch",
        "farewell"},
    "MACHINE_FAILED": {"call", "farewell"},
    "PROCESSOR_REFUSED": {"start", "call", "farewell"},
    "PROCESSOR_UNAVAILABLE": {"start", "call", "repair", "farewell"},
    "START_FAILED": {"start"},
    "REPAIR_FAILED": {"repair"},
    "MACHINE_ALREADY_WORKING": {"repair"},
    "MACHINE_PAUSED": {"call", "repair"},
}
UNKNOWN = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"}


class Place(NamedTuple):
    """A machine in one of its lives."""

    namespace: str
    machine: str
    token: str


class TortureClient:
    """`names` are unique in the run: they begin with the client's own."""

    def __init__(self, name: str, addresses: list[str], seed: int, log: Log):
        self.name = name
        self.random = random.Random(seed)
        self.log = log
        self._nodes = [Client(address) for address in addresses]
        self._node = self.random.randrange(len(self._nodes))
        self._count = 0
        self._pause = threading.Event()
        self.last_chance: Callable[[], bool] = lambda: False
        self.repairs_simply = False

    def new_name(self) -> str:
        self._count += 1
        return f"{self.name}-{self._count}"

    def space(self, namespace: str) -> Space:
        return Space(self._nodes[self._node], None, namespace)

    def any_space(self, namespace: str) -> Space:
        """What looks goes to either node: also to one that does not know yet that it lost the
        machine."""
        return Space(self.random.choice(self._nodes), None, namespace)

    def timeout(self) -> float:
        return self.random.uniform(0.5, 3)

    # Requests that change a machine

    def start(self, namespace: str, machine: str) -> Place | None:
        name = self.new_name()
        place = Place(namespace, machine, name)
        operation = self._operation("start", place, name)
        args = _args(operation)

        def send(space: Space, timeout: float) -> None:
            space.start(machine, args, key=name, timeout=timeout)

        self.settle(operation, send, keyed=True)
        return place if operation.outcome == OK else None

    def call(self, place: Place, keyed: bool = True, insist: bool = True, **asked) -> Operation:
        """`insist` = until it is acknowledged, through failures of the machine too."""
        name = self.new_name()
        padding = asked.pop("padding", int(self.random.expovariate(0.005)))
        operation = self._operation("call", place, name, **asked)
        args = _args(operation, padding)
        key = name if keyed else ""

        def send(space: Space, timeout: float) -> dict:
            return json.loads(space.call(place.machine, args, key=key, timeout=timeout))

        self.settle(operation, send, keyed, insist)
        if operation.outcome == OK and keyed and self.random.random() < 0.03:
            self._repeat(operation, send)
        return operation

    def notify(self, place: Place, keyed: bool = True, **asked) -> Operation:
        name = self.new_name()
        operation = self._operation("notify", place, name, **asked)
        args = _args(operation)
        key = name if keyed else ""

        def send(space: Space, timeout: float) -> dict:
            return {"id": space.notify(place.machine, args, key=key, timeout=timeout)}

        self.settle(operation, send, keyed)
        if operation.outcome == OK and keyed and self.random.random() < 0.03:
            self._repeat(operation, send)
        return operation

    def repair(self, place: Place) -> None:
        """One attempt of either kind; somebody else may have been faster."""
        if self.repairs_simply or self.random.random() < 0.5:
            self.simple_repair(place)
            return
        operation = self._operation("repair", place, self.new_name())
        request = automaton_pb2.RepairRequest(
            namespace=place.namespace, id=place.machine, args=_args(operation),
            idempotency_key=operation.name)
        self.settle(operation, lambda space, timeout: json.loads(
            space.client.automaton.Repair(request, timeout=timeout).response), keyed=True,
            insist=False)

    def simple_repair(self, place: Place) -> None:
        request = automaton_pb2.SimpleRepairRequest(namespace=place.namespace, id=place.machine)
        try:
            self._nodes[self._node].automaton.SimpleRepair(request, timeout=self.timeout())
        except grpc.RpcError as error:
            self._outcome("repair", place, error)

    def remove(self, place: Place) -> Operation:
        """Repeated until the machine is gone. More attempts than one: an earlier one may still be
        under way, and nobody should start the machine again."""
        operation = self._operation("remove", place, self.new_name(), parts=0)
        self.settle(operation, lambda space, timeout: space.remove(
            place.machine, timeout=timeout), keyed=True)
        return operation

    def farewell(self, place: Place, **asked) -> Operation:
        """A call in which the processor removes the machine, and sends its last messages."""
        operation = self._operation("farewell", place, self.new_name(), parts=0, **asked)
        args = _args(operation)
        self.settle(operation, lambda space, timeout: json.loads(space.call(
            place.machine, args, key=operation.name, timeout=timeout)), keyed=True)
        return operation

    def _operation(self, kind: str, place: Place, name: str, **asked) -> Operation:
        return Operation(kind, *place[:2], name, place.token, time.monotonic(), **asked)

    def settle(self, operation: Operation, send: Callable[[Space, float], dict | None],
               keyed: bool, insist: bool = True) -> None:
        """Sends until the outcome is known, as far as that may be done: without a key only once."""
        place = Place(operation.namespace, operation.machine, operation.token)
        is_open = False
        while True:
            operation.attempts += 1
            try:
                operation.reply = send(self.space(place.namespace), self.timeout()) or {}
                operation.outcome = OK
                break
            except grpc.RpcError as error:
                outcome = self._outcome(operation.kind, place, error, operation.attempts)
                reason = failure_of(error).reason
            if outcome == OK:
                operation.outcome = OK
                break
            is_open = is_open or outcome == OPEN
            if outcome == OPEN:
                self._node = (self._node + 1) % len(self._nodes)
            again = keyed if outcome == OPEN else insist and reason != "MACHINE_ALREADY_WORKING"
            if not again or self.last_chance():
                operation.outcome = OPEN if is_open else NOTHING
                break
            if reason == "MACHINE_FAILED":
                self.repair(place)
            self._pause.wait(self.random.uniform(0.01, 0.15))
        operation.end, operation.at = time.monotonic(), time.time()
        self.log.write(operation)

    def _repeat(self, operation: Operation, send: Callable[[Space, float], dict]) -> None:
        """The same key once more: the same reply, and the effect stays one (I8)."""
        place = Place(operation.namespace, operation.machine, operation.token)
        try:
            reply = send(self.space(operation.namespace), self.timeout())
        except grpc.RpcError as error:
            if self._outcome(operation.kind, place, error) == NOTHING:
                self.surprise(place, f"{operation.name} was acknowledged, and then "
                              f"{error.code().name} {error.details()}")
            return
        if reply != operation.reply:
            self.surprise(place, f"{operation.name} was answered {operation.reply}, then {reply}")

    def pause(self, place: Place, seconds: float) -> bool:
        """Pauses and resumes the machine. False when requests may still be under way that could do
        either later."""
        request = {"namespace": place.namespace, "id": place.machine}
        automaton = self._nodes[self._node].automaton
        is_sure = False
        try:
            automaton.Pause(automaton_pb2.PauseRequest(**request), timeout=self.timeout())
            begin = time.time()
            self._pause.wait(seconds)
            end = time.time()
            automaton.Resume(automaton_pb2.ResumeRequest(**request), timeout=self.timeout())
            self.log.write(Pause(*place[:2], begin, end))
            is_sure = True
        except grpc.RpcError as error:
            self._outcome("pause", place, error)
        while not is_sure and not self.last_chance() and not self.resume(place):
            self._pause.wait(0.1)
        return is_sure

    def resume(self, place: Place) -> bool:
        """Tries to. False when nobody knows whether it is done."""
        try:
            self.space(place.namespace).client.automaton.Resume(automaton_pb2.ResumeRequest(
                namespace=place.namespace, id=place.machine), timeout=self.timeout())
            return True
        except grpc.RpcError as error:
            self._outcome("pause", place, error)
            self._node = (self._node + 1) % len(self._nodes)
            return False

    # Requests that look

    def query(self, place: Place) -> None:
        """A call that changes nothing."""
        query = self._operation("call", place, self.new_name(), parts=0)
        try:
            query.reply = json.loads(self.any_space(place.namespace).call(
                place.machine, _args(query), timeout=self.timeout()))
            query.outcome = OK
        except grpc.RpcError as error:
            query.outcome = self._outcome("call", place, error)
        query.end = time.monotonic()
        self.log.write(query)

    def get(self, place: Place, whole: bool = False, after: int | None = None) -> Read | None:
        """`after` = waits for an event behind that one."""
        begin, timeout = time.monotonic(), self.timeout()
        request = automaton_pb2.GetRequest(
            namespace=place.namespace, id=place.machine,
            history_range=None if whole else history(limit=3, direction=BACKWARD),
            wait=None if after is None else automaton_pb2.Wait(after_event_id=after))
        try:
            machine = self.any_space(place.namespace).client.automaton.Get(
                request, timeout=timeout).machine
        except grpc.RpcError as error:
            self._outcome("get", place, error)
            return None
        if after is not None and machine.last_event_id <= after and (
                time.monotonic() - begin < timeout - 0.2):
            self.surprise(place, f"a wait for what comes after {after} showed "
                          f"{machine.last_event_id} before its time")
        state = json.loads(machine.aux_state.data)
        read = Read(
            self.name, *place[:2], begin, time.monotonic(), state["token"], machine.last_event_id,
            state["events"], [event_of(event) for event in machine.history], whole)
        self.log.write(read)
        return read

    def watch(self, place: Place, seconds: float, pause: float) -> None:
        """Watches the machine for a while, reading slowly or not, and then until it was shown all
        that a Get shows."""
        first = self.get(place)
        if first is None:
            return
        after = max(0, first.last - self.random.randrange(30))
        watched = Watched(self.name, *place[:2], time.monotonic(), after, first.token)
        while not self.last_chance():
            request = automaton_pb2.WatchRequest(
                namespace=place.namespace, id=place.machine, after_event_id=after)
            call = self.any_space(place.namespace).client.automaton.Watch(
                request, timeout=self.random.uniform(1, 5))
            try:
                for message in call:
                    if message.WhichOneof("content") == "event":
                        watched.events.append(event_of(message.event))
                        after = message.event.id
                    if watched.until and after >= watched.until:
                        break
                    if pause:
                        self._pause.wait(pause)
            except grpc.RpcError as error:
                self._outcome("watch", place, error)
                self._pause.wait(self.random.uniform(0.01, 0.15))
            call.cancel()
            if watched.until and after >= watched.until:
                break
            if not watched.until and time.monotonic() - watched.begin > seconds and (
                    last := self.get(place)):
                watched.until = last.last
        watched.end = time.monotonic()
        self.log.write(watched)

    def list(self, namespace: str) -> None:
        begin = time.monotonic()
        try:
            pages = list(self.any_space(namespace).pages(page_size=self.random.randint(1, 40)))
        except grpc.RpcError as error:
            self._outcome("list", Place(namespace, "", ""), error)
            return
        self.log.write(Listing(self.name, namespace, begin, time.monotonic(), [
            (machine.id, machine.last_event_id) for page in pages for machine in page]))

    # Errors

    def surprise(self, place: Place, text: str) -> None:
        self.log.write(Surprise(*place[:2], time.monotonic(), text))

    def _outcome(self, kind: str, place: Place, error: grpc.RpcError, attempts: int = 1) -> str:
        """What the error means for the request."""
        failure = failure_of(error)
        if kind in NOTHING_DONE.get(failure.reason, ()):
            return NOTHING
        if kind == "remove" and failure.reason == "MACHINE_NOT_FOUND" and attempts > 1:
            return OK  # by an attempt before this one
        if failure.code.name in UNKNOWN or is_of_transport(failure):
            return OPEN
        self.surprise(
            place, f"{kind} was answered {failure.code.name} {failure.reason}: {failure.message}")
        return NOTHING


def is_of_transport(failure: Failure) -> bool:
    """Made by gRPC's own client for a connection that broke: no server said it."""
    return failure.status is None and failure.code in (
        grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN) and "RST_STREAM" in failure.message


def event_of(event) -> dict:
    """What the processor wrote, without padding, and what Progressor added."""
    body = json.loads(event.body.data)
    body.pop("padding", None)
    return {**body, "id": event.id, "created": event.created_at.ToMicroseconds() / 1e6}


def _args(operation: Operation, padding: int = 0) -> bytes:
    asked = {"name": operation.name, "parts": operation.parts, "padding": padding}
    if operation.timer is not None:
        asked["timer"] = operation.timer
    if operation.send or operation.cancel:
        asked |= {"send": operation.send, "cancel": operation.cancel}
    if operation.kind == "farewell":
        asked["remove"] = True
    return json.dumps(asked).encode()
