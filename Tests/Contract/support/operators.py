"""What operators ask of machines."""

from .client import DEADLINE, Space
from .server import Server, progressor
from .stubs import automaton_pb2, types_pb2
from .waiting import eventually

LATE = automaton_pb2.STATUS_FILTER_LATE
# Two texts that look the same.
COMPOSED, DECOMPOSED = "\u00e9", "e\u0301"


def waiting_on(space: Space, id="m") -> str:
    """ENDPOINT, PAUSE, …; UNSPECIFIED = nothing."""
    machine = space.get(id)
    name = types_pb2.WaitingOn.Name(machine.waiting_on).removeprefix("WAITING_ON_")
    assert machine.HasField("waiting_since") == (name != "UNSPECIFIED")
    return name


def waits(space: Space, name, id="m", since=None) -> None:
    eventually(lambda: waiting_on(space, id) == name, f"{id} waits for {name}")
    if since is not None:
        began = space.get(id).waiting_since.ToMicroseconds() / 1e6
        assert abs(began - since) < 1.5, (began, since)


def queue(space: Space, id="m", page_size=0):
    """All pages."""
    token, found = "", []
    while True:
        reply = space.client.automaton.ListNotifications(automaton_pb2.ListNotificationsRequest(
            namespace=space.name, id=id, page_size=page_size, page_token=token), timeout=DEADLINE)
        found.append(list(reply.notifications))
        token = reply.next_page_token
        if not token:
            return found


def queued(space: Space, id="m") -> list[bytes]:
    return [n.args for page in queue(space, id) for n in page]


def drop(space: Space, notification, id="m", **call) -> None:
    space.client.automaton.DropNotification(automaton_pb2.DropNotificationRequest(
        namespace=space.name, id=id, notification_id=notification),
        **{"timeout": DEADLINE, **call})


def listed(space: Space, page_size=0, **fields) -> list[str]:
    token, ids = "", []
    while True:
        reply = space.client.automaton.List(automaton_pb2.ListRequest(
            namespace=space.name, page_size=page_size, page_token=token, **fields),
            timeout=DEADLINE)
        ids += [machine.id for machine in reply.machines]
        token = reply.next_page_token
        if not token:
            return ids


def counts(space: Space) -> dict[str, int]:
    reply = space.client.automaton.Count(
        automaton_pb2.CountRequest(namespace=space.name), timeout=DEADLINE)
    assert [c.status for c in reply.counts] == list(range(6))
    assert not any(c.capped for c in reply.counts)
    names = ["all", "working", "retrying", "failed", "paused", "late"]
    return dict(zip(names, (c.count for c in reply.counts)))


def command(server: Server, space: Space, *arguments: str) -> str:
    result = progressor("machine", arguments[0], "--server", server.address, "--namespace",
                        space.name, *arguments[1:])
    assert result.returncode == 0, result
    return result.stdout
