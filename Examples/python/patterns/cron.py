"""Cron: a machine whose timer fires every day at one time of a place."""

from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from .step import Pattern


def daily(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The time of that day, once: an hour that is skipped counts as its first valid instant, of
    an hour that comes twice the first is meant."""
    wanted = datetime.combine(day, at, zone)
    if round_trip(wanted) == wanted.replace(tzinfo=None):
        return wanted.astimezone(timezone.utc)
    # The gap ends where the clocks are put forward: by the difference of both readings of it.
    gap = wanted.replace(fold=0).utcoffset() - wanted.replace(fold=1).utcoffset()
    before, after = wanted.astimezone(timezone.utc) + gap, wanted.astimezone(timezone.utc)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == after.astimezone(zone).utcoffset():
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)


def round_trip(local: datetime) -> datetime:
    there = local.astimezone(timezone.utc)
    return there.astimezone(local.tzinfo).replace(tzinfo=None)


def next_after(due: datetime, at: time, zone: ZoneInfo) -> datetime:
    """The first time after that one: from when it was due, not from when it ran, so that a late
    run moves nothing."""
    day = due.astimezone(zone).date()
    while (following := daily(day, at, zone)) <= due:
        day += timedelta(days=1)
    return following


def next_due(after: datetime, now: datetime, at: time, zone: ZoneInfo) -> datetime:
    """As `next_after`; of those that have passed, say in an outage of days, the last one alone."""
    due = next_after(after, at, zone)
    while (following := next_after(due, at, zone)) <= now:
        due = following
    return due


class Daily(Pattern):
    def __init__(self, now=lambda: datetime.now(timezone.utc)):
        self._now = now

    def init(self, step):
        step.state = step.args
        self.arm(step, after=self._now())

    def timeout(self, step):
        due = datetime.fromisoformat(step.state["due"])
        step.record(f"ran for {due:%Y-%m-%d %H:%M}Z")
        self.arm(step, after=due)

    def arm(self, step, after):
        at, zone = time.fromisoformat(step.state["at"]), ZoneInfo(step.state["zone"])
        due = next_due(after, self._now(), at, zone)
        step.state["due"] = due.isoformat()
        step.set_timer(due)
