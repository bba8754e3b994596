"""Machines that travel: over the wire and by the program's JSON lines."""

from collections.abc import Iterable, Iterator

from .client import DEADLINE, Space
from .server import progressor
from .stubs import transfer_pb2


def export_pages(space: Space, ids: Iterable[str] = (), after: str = "",
                 ) -> Iterator[list[transfer_pb2.MachinePart]]:
    token = ""
    while True:
        reply = space.client.automaton.Export(transfer_pb2.ExportRequest(
            namespace=space.name, ids=ids, after_id=after, page_token=token), timeout=DEADLINE)
        yield list(reply.parts)
        token = reply.next_page_token
        if not token:
            return


def export(space: Space, ids: Iterable[str] = (), after: str = "",
           ) -> dict[str, list[transfer_pb2.MachinePart]]:
    """The parts of each machine, those that were discarded left out."""
    machines: dict[str, list[transfer_pb2.MachinePart]] = {}
    parts: list[transfer_pb2.MachinePart] = []
    for page in export_pages(space, ids, after):
        for part in page:
            if part.HasField("head"):
                parts = []
            parts.append(part)
            if part.HasField("end") and not part.end.discarded:
                machines[part.end.id] = parts
    return machines


def large(id: str, events: int, body: bytes) -> list[transfer_pb2.MachinePart]:
    """A machine with so many events of this body, as parts."""
    head, end = transfer_pb2.MachinePart(), transfer_pb2.MachinePart()
    head.head.id = end.end.id = id
    head.head.created_at.FromSeconds(1)
    head.head.last_event_id = events
    parts = []
    for number in range(events):
        part = transfer_pb2.MachinePart()
        event = part.events.events.add(id=number + 1)
        event.created_at.FromSeconds(1)
        event.body.data = body
        parts.append(part)
    return [head, *parts, end]


def send(space: Space, parts: Iterable[transfer_pb2.MachinePart], size: int = 1, **call) -> None:
    """Imports one machine, so many parts to a message."""
    parts = list(parts)
    messages = [transfer_pb2.ImportRequest(
        namespace=space.name, parts=parts[place:place + size])
        for place in range(0, len(parts), size)]
    space.client.automaton.Import(iter(messages), **{"timeout": DEADLINE, **call})


def machine(server, space: Space, command: str, *arguments: str, status: int = 0, **options):
    """`progressor machine COMMAND`."""
    result = progressor("machine", command, "--server", server.address, "--namespace",
                        space.name, *arguments, timeout=120, **options)
    assert result.returncode == status, result
    return result
