"""After the faults: everything pending has to finish by itself, failed machines by repair (I11)."""

import json
import random
from collections.abc import Iterator

import grpc
from support.client import Client, Space
from support.stubs import automaton_pb2
from support.waiting import eventually

from .checker.machines import Machine
from .checker.mail import Mail
from .checker.verdict import Records
from .client import event_of
from .topology import Topology

BOUND = 60.0  # seconds
LOOK = 1.0  # seconds between two looks at what is left


class Settling:
    """Reads what is there, through whichever node answers."""

    def __init__(self, topology: Topology, namespaces: list[str], records: Records):
        self._topology, self._namespaces = topology, namespaces
        self._records = records
        self._expected = {(o.namespace, o.machine, o.name) for o in records.acknowledged
                          if o.kind == "notify"}
        # Why servers ended that were started again meanwhile.
        self.ended: list[str] = []

    def machines(self) -> dict[tuple[str, str], Machine]:
        """All machines when nothing is pending any more, or as they are when the time is over."""
        try:
            return eventually(self._settled, "everything pending ends", timeout=BOUND)
        except AssertionError:
            return self._read_all()

    def leftovers(self) -> str:
        """What is still there of machines that were removed, when it should be swept away; empty =
        nothing, or nobody can look into the database."""
        postgres = self._topology.postgres
        if postgres is None:
            return ""
        counts = [f"select count(*) from progressor.{table} r where not exists (select from "
                  "progressor.machine m where m.shard = r.shard and m.machine_key = r.machine_key)"
                  for table in ("event", "notification", "message")]

        def left() -> list[int]:
            return [int(number) for number in postgres.sql(*counts).split()]

        # A machine may have had a million events: as long as they get fewer all is well. To count
        # them costs the database as much as to delete some.
        least = left()
        while any(least):
            def fewer(than: list[int] = least) -> list[list[int]]:
                now = left()
                return [now] if now < than else []

            try:
                [least] = eventually(fewer, "rows are swept", timeout=BOUND, every=LOOK)
            except AssertionError:
                return (f"{least[0]} events, {least[1]} notifications, {least[2]} messages to "
                        "be delivered")
        return ""

    def _settled(self) -> dict[tuple[str, str], Machine] | None:
        self.ended.extend(self._topology.restart_ended())
        try:
            self._repair()
            machines = self._read_all()
            is_still = self._is_still(machines)
        except grpc.RpcError as error:
            raise AssertionError(f"a request failed: {error}") from None
        if not is_still or any(Mail(self._records, machines).missing()):
            return None
        delivered = {(*place, event["name"]) for place, machine in machines.items()
                     for event in machine.events if event["kind"] == "notification"}
        there = {(namespace, machine, name) for namespace, machine, name in self._expected
                 if (namespace, machine) in machines}
        # Those of a life that was removed since are dropped with it.
        missing = {place for place in there - delivered if "recycled" not in place[1]}
        return None if missing else machines

    def _is_still(self, machines: dict[tuple[str, str], Machine]) -> bool:
        """Whether nothing is pending. What one machine had sent when it was looked at, another may
        have got after it was: so they are looked at once more, and none has moved."""
        if any(machine.status != "working" or machine.timer or machine.pending or machine.queued
               for machine in machines.values()):
            return False
        now = {(namespace, machine.id): machine for namespace in self._namespaces
               for space in self._spaces(namespace)
               for page in space.pages(page_size=1000) for machine in page}
        return now.keys() == machines.keys() and all(
            shown.last_event_id == machines[place].last
            and not shown.pending_messages and not shown.queued_notifications
            for place, shown in now.items())

    def _spaces(self, namespace: str) -> Iterator[Space]:
        for client in self._topology.serving():
            yield Space(client, None, namespace)

    def _repair(self) -> None:
        for namespace in self._namespaces:
            for space in self._spaces(namespace):
                for machine in space.ids(status=automaton_pb2.STATUS_FILTER_FAILED):
                    space.client.automaton.SimpleRepair(automaton_pb2.SimpleRepairRequest(
                        namespace=namespace, id=machine), timeout=10)
                # By a late Pause: who paused has resumed.
                for machine in space.ids(status=automaton_pb2.STATUS_FILTER_PAUSED):
                    space.client.automaton.Resume(automaton_pb2.ResumeRequest(
                        namespace=namespace, id=machine), timeout=10)

    def _read_all(self) -> dict[tuple[str, str], Machine]:
        machines = {}
        for namespace in self._namespaces:
            for space in self._spaces(namespace):
                for id in space.ids(page_size=1000):
                    machines[namespace, id] = _read(space, id)
        assert machines, f"no node serves; servers that ended: {self.ended or 'none'}"
        return machines


def _read(space: Space, id: str) -> Machine:
    machine = space.get(id)
    status = machine.status.WhichOneof("kind")
    if status == "working" and machine.status.working.HasField("retrying"):
        status = "retrying"
    state = json.loads(machine.aux_state.data) if machine.HasField("aux_state") else {}
    return Machine(
        space.name, id, machine.last_event_id, state.get("events", 0),
        [event_of(event) for event in machine.history], status, machine.HasField("timer"),
        machine.pending_messages, machine.queued_notifications,
        [*_undelivered(space, id)] if machine.undelivered_messages else [])


def _undelivered(space: Space, id: str) -> Iterator[tuple[str, str]]:
    """Tags, and why: as ListMessages tells it, in pages."""
    token = ""
    while True:
        page = space.messages(id, page_size=1000, page_token=token)
        for one in page.messages:
            if one.undelivered:
                args = getattr(one.message, one.message.WhichOneof("kind")).args
                yield json.loads(args)["name"], one.last_reason
        token = page.next_page_token
        if not token:
            return
