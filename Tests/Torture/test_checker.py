"""The checker notices each way in which a history can be wrong."""

import dataclasses

from made_up import PLACE, Story
from torture.checker.machines import Machine
from torture.checker.verdict import Records, check
from torture.record import (
    NOTHING, OPEN, Ended, Invoked, Listing, Operation, Pause, Read, Surprise,
)


def rules(story: Story, machine: Machine | None = None, gone: bool = False) -> set[str]:
    """Which rules the checker finds broken."""
    machines = {} if gone else {PLACE[:2]: machine or story.machine()}
    return {violation.rule for violation in check(Records(story.records), machines)}


def test_a_good_history_breaks_nothing():
    assert rules(Story()) == set()


def test_an_acknowledged_call_that_is_lost():
    story = Story()
    story.without("call-1", "call")
    assert "lost" in rules(story)


def test_an_acknowledged_notification_that_is_lost():
    story = Story()
    story.without("notify-1", "notification")
    assert "lost" in rules(story)


def test_a_timer_that_never_fired():
    story = Story()
    story.without("call-2", "timeout")
    assert "timer lost" in rules(story)


def test_a_machine_that_is_lost():
    assert "lost" in rules(Story(), gone=True)


def test_a_call_that_took_effect_twice():
    story = Story()
    story.event("call", "call-1", 2)
    assert "duplicate" in rules(story)


def test_a_step_that_was_committed_twice():
    story = Story()
    story.event("notification", "notify-2")
    story.events[-1]["step"] = story.events[3]["step"]
    assert "duplicate" in rules(story)


def test_a_timer_that_fired_twice():
    story = Story()
    story.event("timeout", "call-2")
    assert "timer" in rules(story)


def test_a_timer_that_fired_too_early():
    story = Story()
    story.events[-1]["at"] -= 2
    assert "timer" in rules(story)


def test_a_timer_that_fired_although_another_took_its_place():
    story = Story()
    story.event("call", "call-3", arms=story.now)
    story.event("timeout", "call-2")
    assert "timer" in rules(story)


def test_a_refused_call_that_took_effect():
    story = Story()
    story.find("call-2").outcome = NOTHING
    assert "hidden commit" in rules(story)


def test_a_call_of_open_outcome_may_be_there_or_not():
    story = Story()
    story.find("call-2").outcome = OPEN
    assert rules(story) == set()
    story = Story()
    story.records.append(Operation("call", *PLACE[:2], "call-9", PLACE[2], story.now))
    assert rules(story) == set()


def test_an_event_that_nobody_asked_for():
    story = Story()
    story.event("call", "call-9")
    assert "unasked" in rules(story)


def test_a_machine_that_nobody_started():
    story = Story()
    machines = {PLACE[:2]: story.machine(), ("ns", "other"): story.machine()}
    found = check(Records(story.records), machines)
    assert {violation.rule for violation in found} == {"unasked"}


def test_a_gap_in_the_event_ids():
    story = Story()
    for event in story.events[4:]:
        event["id"] += 1
    assert "event ids" in rules(story)


def test_a_step_made_from_an_old_machine():
    story = Story()
    story.events[-1]["saw"] -= 1
    assert "stale step" in rules(story)


def test_half_a_step():
    story = Story()
    del story.events[2]
    assert "atomicity" in rules(story)


def test_an_aux_state_of_another_step():
    story = Story()
    assert "atomicity" in rules(story, story.machine(aux_events=3))


def test_a_commit_of_an_owner_that_lost_the_shard():
    story = Story()
    for event in story.events[:-1]:
        event["epoch"] = 2
    assert "fencing" in rules(story)


def test_an_event_of_an_earlier_life():
    story = Story()
    story.events[-1]["token"] = "start-0"
    assert "incarnation" in rules(story)


def test_a_reply_that_names_another_place():
    story = Story()
    story.find("call-1").reply = {"saw": 0}
    story.find("notify-1").reply = {"id": "another"}
    assert "reply" in rules(story)


def test_notifications_out_of_order():
    story = Story()
    first, second = story.find("notify-1"), story.find("notify-2")
    first.begin, first.end, second.begin, second.end = (
        second.begin, second.end, first.begin, first.end)
    assert rules(story) == {"order"}


def test_calls_out_of_order():
    story = Story()
    first, second = story.find("call-1"), story.find("call-2")
    second.begin, second.end = first.begin - 1.5, first.begin - 1.1
    assert "order" in rules(story)


def test_a_machine_that_is_stuck():
    story = Story()
    assert rules(story, story.machine(status="failed")) == {"stuck"}
    assert rules(story, story.machine(status="retrying")) == {"stuck"}
    assert rules(story, story.machine(timer=True)) == {"stuck"}


def test_half_a_minute_without_anybody_served():
    story = Story()
    story.now += 40
    story.operation("call", "call-3", "call")
    assert rules(story) == {"unavailable"}


def test_a_stale_read():
    story = Story()
    read = story.of(Read)[0]
    read.last, read.aux_events, read.events = 2, 2, []
    assert rules(story) == {"stale read"}


def test_a_read_older_than_one_before():
    story = Story()
    read = story.of(Read)[1]
    later = dataclasses.replace(read, begin=read.end + 1, end=read.end + 2, last=6, aux_events=6,
                                events=[], whole=False)
    story.records.append(later)
    assert "stale read" in rules(story)


def test_a_call_made_from_a_machine_older_than_a_read():
    story = Story()
    story.of(Read)[0].last = 6
    assert "stale call" in rules(story)


def test_an_event_that_was_read_and_is_gone_or_another():
    story = Story()
    story.of(Read)[0].events = [{**story.events[4], "id": 9}]
    assert "lost" in rules(story)
    story = Story()
    story.of(Read)[0].events = [{**story.events[4], "name": "call-9"}]
    assert "rewritten" in rules(story)


def test_a_watch_that_leaves_out_repeats_or_changes_something():
    story = Story()
    story.watch()
    assert rules(story) == set()
    watched = story.watch()
    for events in (watched.events[1:], watched.events[:-1], watched.events[::-1],
                   [*watched.events, watched.events[-1]]):
        watched.events = events
        assert rules(story) == {"watch"}
    story = Story()
    watched = story.watch()
    watched.events = [*watched.events[:-1], {**watched.events[-1], "name": "call-9"}]
    assert rules(story) == {"rewritten"}


def test_a_listing_without_a_machine_or_with_an_old_one():
    story = Story()
    story.of(Listing)[0].machines = []
    assert rules(story) == {"list"}
    story = Story()
    story.of(Listing)[0].machines = [("m", 1)]
    assert rules(story) == {"stale list"}
    story = Story()
    story.of(Listing)[0].machines *= 2
    assert rules(story) == {"list"}


def test_a_removed_machine_that_is_there():
    story = Story()
    story.records.append(Operation(
        "remove", *PLACE[:2], "remove-1", PLACE[2], story.now, 0, None, story.now + 1, "ok", 1))
    assert rules(story) == {"removed"}
    assert rules(story, gone=True) == set()


def test_a_step_of_a_paused_machine():
    story = Story()
    at = story.events[3]["at"]
    story.records.append(Pause(*PLACE[:2], at - 0.1, at + 0.1))
    assert rules(story) == {"paused"}


def test_two_invocations_of_a_machine_at_once():
    story = Story()
    story.of(Ended)[1].at += 100
    assert rules(story) == {"two at once"}
    story = Story()
    story.of(Ended)[1].at += 100
    for invoked in story.of(Invoked)[2:]:
        invoked.epoch = 2
    assert rules(story) == set()  # of the owner after the one that is cut off


def test_steps_with_wrong_names():
    story = Story()
    story.of(Invoked)[-1].step = story.of(Invoked)[0].step
    assert rules(story) == {"step"}
    story = Story()
    again = dataclasses.replace(story.of(Invoked)[2], step="another", at=story.now)
    story.records.append(again)
    assert rules(story) == {"step"}


def test_an_answer_that_the_contract_does_not_allow():
    story = Story()
    story.records.append(Surprise("ns", "m", 1, "INTERNAL"))
    assert rules(story) == {"surprise"}
