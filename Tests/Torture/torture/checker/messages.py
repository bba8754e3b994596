"""Messages that machines send each other: each of a committed step has its effect once, or is told
to be undeliverable, or was withdrawn; and nothing arrives that nobody sent."""

from collections import defaultdict
from collections.abc import Iterator

from .machines import CLOCKS
from .mail import Arrival, Life, Mail, Sent
from .violations import LOST, Violation

Found = Iterator[tuple[str, str]]


def check_messages(mail: Mail) -> Iterator[Violation]:
    for tag, arrivals in mail.arrivals.items():
        if tag not in mail.sent:
            yield Violation("message unasked", "/".join(arrivals[0].life[:2]),
                            f"{tag} has arrived, and no committed step sent it")
    for tag in (mail.listed.keys() | mail.told.keys()) - mail.sent.keys():
        yield Violation("message unasked", "a sender", f"{tag} is undeliverable, and no committed "
                        "step sent it")
    for sent in mail.missing():
        yield Violation(f"message {LOST}", "/".join(sent.source[:2]), f"{sent.what} has neither "
                        "arrived, nor is it listed as undelivered")
    for sent in mail.sent.values():
        arrivals = mail.arrivals.get(sent.tag, [])
        for rule, text in (*_arrivals(sent, arrivals), *_undelivered(sent, arrivals, mail)):
            yield Violation(rule, "/".join(sent.source[:2]), f"{sent.what} {text}")
    for where, text in _order(mail):
        yield Violation("message order", where, text)


def _arrivals(sent: Sent, arrivals: list[Arrival]) -> Found:
    if len(arrivals) > 1:
        places = ", ".join(f"event {a.event['id']} of {'/'.join(a.life)}" for a in arrivals)
        yield "message duplicate", f"has arrived {len(arrivals)} times: {places}"
    if arrivals and sent.may_not_arrive:
        yield "message withdrawn", (f"was withdrawn {sent.due - sent.withdrawn:.3f} s before it "
                                    "was due, and has arrived")
    for arrival in arrivals:
        event = arrival.event
        if arrival.life[:2] != sent.target or event["kind"] != (
                "init" if sent.is_start else "notification"):
            yield "message astray", f"has arrived as {event['kind']} at {'/'.join(arrival.life)}"
        if not sent.is_start and event.get("sender") != "/".join(sent.source[:2]):
            yield "message astray", f"has arrived as sent by {event.get('sender')}"
        if event["at"] < sent.due - CLOCKS:
            yield "message early", f"has arrived {sent.due - event['at']:.3f} s before it was due"


def _undelivered(sent: Sent, arrivals: list[Arrival], mail: Mail) -> Found:
    """What is listed has no effect, and its sender was told of it once, if it asked to be."""
    listed, told = mail.listed.get(sent.tag, []), mail.told.get(sent.tag, [])
    for life, reason in listed:
        if life != sent.source:
            yield "undelivered", f"is listed by {'/'.join(life)}"
        if not _is_possible(sent, reason, mail):
            yield "undelivered", f"is listed as undelivered because of {reason}"
    if (listed or told) and arrivals:
        yield "undelivered", (f"is told to be undelivered, and has arrived as event "
                              f"{arrivals[0].event['id']} of {'/'.join(arrivals[0].life)}")
    if (listed or told) and sent.may_not_arrive:
        yield "message withdrawn", "was withdrawn before it was due, and was tried"
    if any(one.life != sent.source for one in told):
        yield "undelivered", f"was told to {'/'.join(told[0].life)}"
    if len(told) > 1 or (told and not sent.reports):
        yield "undelivered", f"was told {len(told)} times"
    if listed and sent.reports and not told:
        yield "undelivered", "is undelivered, and its sender was not told"
    # One that was withdrawn afterwards is listed no more.
    if told and not listed and sent.has_to_arrive and mail.is_there(sent.source):
        yield "undelivered", "was told to be undelivered, and is not listed"


def _is_possible(sent: Sent, reason: str, mail: Mail) -> bool:
    match reason:
        case "NAMESPACE_NOT_FOUND":
            return sent.target[0] not in mail.namespaces
        case "MACHINE_NOT_FOUND":
            return not (sent.is_start or sent.target in mail.steady or _was_started(sent, mail))
        case "MACHINE_ALREADY_EXISTS":
            return sent.is_start and not sent.ignores_existing and sent.target in mail.machines
        case "START_FAILED":
            return sent.is_start and sent.tag in mail.tried
    return False


def _was_started(sent: Sent, mail: Mail) -> bool:
    """Its target was, by a message of the same sender before it, behind which it had to wait."""
    machine = mail.machines.get(sent.target)
    start = mail.sent.get(machine.events[0]["name"]) if machine and machine.events else None
    return (start is not None and start.source == sent.source and start.delay is None
            and start.place < sent.place)


def _order(mail: Mail) -> Iterator[tuple[str, str]]:
    """From one machine to another, what is to be delivered at once comes in the order in which it
    was sent."""
    pairs: defaultdict[tuple[Life, Life], list[tuple[Sent, int]]] = defaultdict(list)
    for sent in mail.sent.values():
        if sent.is_certain and sent.delay is None:
            for arrival in mail.arrivals.get(sent.tag, [])[:1]:
                pairs[sent.source, arrival.life].append((sent, arrival.event["id"]))
    for (_, life), line in pairs.items():
        line.sort(key=lambda one: one[0].place)
        for (earlier, before), (later, after) in zip(line, line[1:]):
            if after < before:
                yield "/".join(life[:2]), (f"{later.what} is event {after}, and {earlier.what}, "
                                           f"sent before it, is event {before}")
