"""The checker notices each way in which messages of machines can go wrong."""

import pytest
from made_up_mail import Exchange, asked, exchange
from torture.record import NOTHING, OPEN


def test_a_good_exchange_breaks_nothing():
    assert exchange().rules() == set()


def forget(made: Exchange, id: str, name: str) -> dict:
    """As if the last event of the machine had never been."""
    machine = made.machines[id]
    assert machine.events[-1]["name"] == name
    machine.last -= 1
    machine.aux_events -= 1
    return machine.events.pop()


@pytest.mark.parametrize(("id", "name"), [("b", "reset>0"), ("c", "fan>1"), ("d", "child>1")])
def test_a_message_that_is_lost(id, name):
    made = exchange()
    if id == "b":
        forget(made, "b", "again")
        made.machines["b"].undelivered = []
        made.records = [r for r in made.records if getattr(r, "name", "") != "again"]
    forget(made, id, name)
    assert made.rules() == {"message lost"}


def test_a_machine_that_only_a_message_would_have_started():
    made = exchange()
    made.call("a", "more", asked("e", kind="start"))
    assert made.rules() == {"message lost"}
    made.machines["a"].undelivered.append(("more>0", "START_FAILED"))
    assert made.rules() == {"undelivered"}, "nobody tried it"
    made.event("e", "init", "more>0")
    del made.machines["e"]
    assert made.rules() == set(), "the processor was asked, and failed"


def test_a_message_that_arrived_twice():
    made = exchange()
    made.arrive("c", "a", "fan>1")
    assert made.rules() == {"message duplicate", "step"}


def test_messages_out_of_order():
    made = exchange()
    first, _, third = [e for e in made.machines["b"].events if e["name"].startswith(("fan", "c"))]
    assert (first["name"], third["name"]) == ("chain>0", "fan>2")
    events = [e for e in made.machines["b"].events if e["name"] in ("fan>0", "fan>2")]
    events[0]["name"], events[1]["name"] = events[1]["name"], events[0]["name"]
    assert made.rules() == {"message order"}


def test_messages_of_different_times_have_no_order():
    made = Exchange("a", "b")
    made.call("a", "one", asked("b", delay=1.5), asked("b"))
    made.arrive("b", "a", "one>1")
    made.arrive("b", "a", "one>0")
    assert made.rules() == set()


def test_a_message_that_nobody_sent():
    made = exchange()
    made.arrive("c", "a", "fan>9")
    assert made.rules() == {"message unasked"}
    made = exchange()
    made.event("e", "init", "fan>9")
    assert made.rules() == {"message unasked"}
    made = exchange()
    made.event("e", "init", "somebody")
    assert made.rules() == {"unasked"}


def test_a_message_of_a_step_that_was_not_committed():
    made = Exchange("a", "b")
    made.call("a", "one", asked("b")).outcome = NOTHING
    forget(made, "a", "one")
    assert made.rules() == set()
    made.arrive("b", "a", "one>0")
    assert made.rules() == {"message unasked"}


def test_a_message_that_went_astray():
    made = exchange()
    made.call("a", "one", asked("b"))
    made.arrive("c", "a", "one>0")
    assert made.rules() == {"message astray"}
    made = exchange()
    made.call("a", "one", asked("b"))
    made.arrive("b", "c", "one>0")
    assert made.rules() == {"message astray"}


def test_a_message_before_its_time():
    made = Exchange("a", "b")
    made.call("a", "one", asked("b", delay=1.5))
    made.arrive("b", "a", "one>0")
    assert made.rules() == {"message early"}


def test_what_was_withdrawn_before_its_time_does_not_come():
    made = exchange()
    made.now += 10
    made.arrive("c", "a", "set>1")  # cancelled
    assert made.rules() == {"message withdrawn"}
    made = exchange()
    made.now += 10
    made.arrive("b", "a", "set>0")  # replaced
    assert made.rules() == {"message withdrawn"}


def test_what_was_withdrawn_late_may_come_or_not():
    made = Exchange("a", "b")
    made.call("a", "one", asked("b", delay=1, name="red"))
    made.call("a", "two", cancel=("red",))
    assert made.rules() == set()
    made.arrive("b", "a", "one>0")
    assert made.rules() == set()
    made.arrive("b", "a", "one>0")
    assert made.rules() == {"message duplicate", "step"}


def test_a_timeout_withdraws_when_it_comes_and_not_when_its_timer_is_set():
    made = Exchange("a", "b")
    made.call("a", "one", asked("b", delay=3, name="red"))
    made.call("a", "timer")
    made.now += 3
    made.arrive("b", "a", "one>0")
    made.event("a", "timeout", "timer", asked("b", name="red"))
    made.arrive("b", "a", "timer>0")
    assert "message withdrawn" not in made.rules()


def test_of_one_name_a_step_sends_the_last():
    made = Exchange("a", "b")
    made.call("a", "one", asked("b", name="red"), asked("b", name="red"))
    made.arrive("b", "a", "one>1")
    assert made.rules() == set()
    made.arrive("b", "a", "one>0")
    assert "message withdrawn" in made.rules()


def test_what_is_listed_as_undelivered_has_no_effect_and_a_reason():
    made = exchange()
    made.machines["a"].undelivered.append(("fan>1", "MACHINE_NOT_FOUND"))
    assert made.rules() == {"undelivered"}
    made = exchange()
    made.call("a", "one", asked("ghost"))
    assert made.rules() == {"message lost"}
    made.machines["a"].undelivered.append(("one>0", "PROCESSOR_REFUSED"))
    assert made.rules() == {"undelivered"}


def test_a_machine_is_not_missed_that_its_sender_started_before():
    made = Exchange("a")
    made.call("a", "one", asked("d", kind="start"), asked("d"))
    made.event("d", "init", "one>0")
    made.machines["a"].undelivered = [("one>1", "MACHINE_NOT_FOUND")]
    assert made.rules() == {"undelivered"}
    made = Exchange("a")
    made.call("a", "one", asked("d"), asked("d", kind="start"))
    made.event("d", "init", "one>1")
    made.machines["a"].undelivered = [("one>0", "MACHINE_NOT_FOUND")]
    assert made.rules() == set()


def test_a_sender_is_told_once_if_it_asked_to_be():
    made = exchange()
    made.event("a", "undelivered", "lost>0")
    assert made.rules() == {"undelivered", "step"}
    made = exchange()
    made.event("a", "undelivered", "lost>1")
    assert made.rules() == {"undelivered"}
    made = exchange()
    made.call("a", "one", asked("ghost", report=True))
    made.machines["a"].undelivered.append(("one>0", "MACHINE_NOT_FOUND"))
    assert made.rules() == {"undelivered"}
    made.event("a", "undelivered", "one>0")
    assert made.rules() == set()


def test_what_is_not_delivered_in_the_end():
    made = exchange()
    made.machines["a"].pending = 1
    assert made.rules() == {"stuck"}
    made = exchange()
    made.machines["a"].queued = 1
    assert made.rules() == {"stuck"}


def test_a_removed_machine_leaves_what_is_due():
    made = Exchange("a", "b")
    made.call("a", "one", asked("b"), asked("b", delay=0.6), asked("b", delay=9), asked("ghost"))
    made.remove("a")
    assert made.rules() == {"message lost"}
    made.arrive("b", "a", "one>0")
    assert made.rules() == set(), "what is due later goes along, or not"
    made.arrive("b", "a", "one>1")
    assert made.rules() == set()
    made = Exchange("a", "b")
    made.call("a", "one", asked("b", delay=0.1))
    made.remove("a")
    assert made.rules() == {"message lost"}, "it was due before the machine was removed"


def test_the_last_words_of_a_machine():
    made = Exchange("a", "b")
    made.remove("a", asked("b"), asked("b", delay=0.1))
    assert made.rules() == {"message lost"}
    made.arrive("b", "a", "remove-a>0")
    assert made.rules() == set()
    made.arrive("b", "a", "remove-a>0")
    assert "message duplicate" in made.rules()


def test_a_call_of_open_outcome_of_a_removed_machine():
    made = Exchange("a", "b")
    made.call("a", "one", asked("b")).outcome = OPEN
    made.remove("a")
    assert made.rules() == set()
    made.arrive("b", "a", "one>0")
    assert made.rules() == set()


def test_a_message_comes_to_one_life_of_its_receiver():
    made = Exchange("a", "b")
    made.call("a", "one", asked("b"))
    made.arrive("b", "a", "one>0")
    made.read(made.machines["b"])
    made.remove("b")
    made.start("b", life=2)
    assert made.rules() == set()
    made.arrive("b", "a", "one>0")
    assert made.rules() == {"message duplicate", "step"}
