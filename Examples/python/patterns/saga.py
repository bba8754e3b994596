"""A saga: a trip is booked piece by piece, and if one cannot be had, those before it are
cancelled, the last one first."""

from .step import Pattern

PIECES = ["flight", "hotel", "car"]


class SoldOut(Exception):
    """Asking again does not help. ConnectionError = it may."""


class Trip(Pattern):
    def __init__(self, agency):
        """`agency` has `book(piece, key)` and `cancel(piece, key)`: who comes twice with one key
        is answered as the first time."""
        self._agency = agency

    def init(self, step):
        step.state = {"status": "booking", "booked": []}
        step.notify_self("go on")

    def notification(self, step, signal):
        if step.state["status"] == "booking":
            self.book(step)
        else:
            self.compensate(step)

    def book(self, step):
        booked = step.state["booked"]
        piece = PIECES[len(booked)]
        try:
            self._agency.book(piece, step.key)
        except SoldOut:
            step.record(f"no {piece}")
            return self.give_up(step)
        booked.append(piece)
        step.record(f"booked {piece}")
        if len(booked) < len(PIECES):
            step.notify_self("go on")
        else:
            step.state["status"] = "booked"

    def compensate(self, step):
        piece = step.state["booked"].pop()
        self._agency.cancel(piece, step.key)
        step.record(f"cancelled {piece}")
        self.give_up(step)

    def give_up(self, step):
        step.state["status"] = "cancelling" if step.state["booked"] else "cancelled"
        if step.state["booked"]:
            step.notify_self("go on")
