"""The checker notices each way in which the feed can tell something else than what happened."""

import pytest
from made_up_feed import HOOK, LONE, PAIR, TOPIC, Broadcast
from torture.record import NOTHING, OK, Acknowledged, Operation

each = pytest.mark.parametrize("who", [LONE, PAIR, HOOK, TOPIC])


def test_a_good_telling_breaks_nothing():
    assert Broadcast().rules() == set()


@each
def test_an_entry_that_was_left_out(who):
    made = Broadcast()
    made.drop(who, made.find(who, "one"))
    assert made.rules() == {"feed gap", "feed lost", "feed order"}


@each
def test_an_entry_that_never_was_in_the_feed(who):
    made = Broadcast()
    made.drop(who, made.find(who, "one"), closing=True)
    assert made.rules() >= {"feed lost", "feed order"}
    assert "feed gap" not in made.rules()


@each
def test_an_event_of_a_removed_machine_that_was_not_told(who):
    made = Broadcast()
    made.drop(who, made.find(who, "two"), closing=True)
    assert made.rules() - {"feed stuck"} == {"feed lost"}


@each
def test_who_does_not_catch_up(who):
    made = Broadcast()
    made.drop(who, made.find(who, "four"))
    assert made.rules() == {"feed stuck", "feed lost"}


@each
def test_a_machine_of_which_nothing_is_told(who):
    made = Broadcast()
    for one in made.of(who, "b"):
        made.drop(who, one)
    assert made.rules() == {"feed stuck", "feed lost"}


@each
def test_a_life_that_was_not_told(who):
    made = Broadcast()
    for one in made.of(who, "c")[:4]:
        made.drop(who, one, closing=True)
    assert made.rules() - {"feed stuck"} == {"feed lost"}


@each
@pytest.mark.parametrize("change", ["created", "removed"])
def test_a_beginning_or_an_end_that_was_not_told(who, change):
    made = Broadcast()
    [one] = [one for one in made.of(who, "c") if one.change == change][-1:]
    made.drop(who, one, closing=True)
    assert "feed order" in made.rules()


@each
def test_an_end_that_comes_too_late(who):
    made = Broadcast()
    removed, created = [one for one in made.of(who, "c") if one.change != "event"][1:3]
    removed.sequence, created.sequence = created.sequence, removed.sequence
    assert "feed order" in made.rules()


def test_a_removal_that_nobody_asked_for():
    made = Broadcast()
    for who in made.told:
        made.again(who, made.of(who, "b")[0], change="removed", sequence=13)
    assert made.rules() == {"feed unasked", "feed lost"}
    del made.machines["b"]
    assert made.rules() == {"lost", "feed unasked"}


def test_a_machine_that_is_gone_without_a_word():
    made = Broadcast()
    made.remove("b")
    assert made.rules() == {"feed lost"}


@each
def test_an_event_that_is_in_no_history(who):
    made = Broadcast()
    last = made.find(who, "four")
    made.again(who, last, sequence=last.sequence + 1, event={**last.event, "id": 4})
    assert made.rules() - {"feed stuck"} == {"feed unasked"}


@each
def test_an_event_that_is_told_under_two_numbers(who):
    made = Broadcast()
    last = made.find(who, "four")
    made.again(who, last, sequence=last.sequence + 1)
    assert made.rules() - {"feed stuck"} == {"feed order"}


@each
def test_an_event_that_was_refused(who):
    made = Broadcast()
    [call] = [one for one in made.records if isinstance(one, Operation) and one.name == "two"]
    call.outcome = NOTHING
    assert made.rules() == {"feed history"}
    call.outcome = OK


@each
def test_another_content_than_in_the_history(who):
    made = Broadcast()
    made.find(who, "one").event["at"] += 1
    assert made.rules() == {"feed rewritten"}


@each
def test_a_machine_in_two_shards(who):
    made = Broadcast()
    made.find(who, "four").shard += 100
    made.find(who, "four").sequence = 1
    assert "feed order" in made.rules()


@each
def test_a_machine_that_works_again_and_that_is_not_told(who):
    made = Broadcast()
    [one] = [one for one in made.told[who] if one.status == "working"]
    made.drop(who, one, closing=True)
    assert made.rules() - {"feed stuck"} == {"feed lost"}


def test_what_is_told_again():
    made = Broadcast()
    made.again(LONE, made.find(LONE, "four"))
    assert made.rules() == {"feed repeated"}, "its cursors are its own"
    made = Broadcast()
    made.again(PAIR, made.find(PAIR, "four"))
    assert made.rules() == set(), "it was not acknowledged"
    made.again(PAIR, made.told[PAIR][-1], status="other")
    assert made.rules() == {"feed rewritten"}


def test_what_was_acknowledged_is_not_told_to_who_subscribes_later():
    made = Broadcast()
    one = made.find(PAIR, "one")
    made.acknowledged.append(Acknowledged(PAIR, made.now, [(one.shard, one.sequence)]))
    made.again(PAIR, one)
    assert made.rules() == set(), "the subscription began before"
    made.begins[f"{PAIR}-2"] = made.now
    made.again(PAIR, one, subscription=f"{PAIR}-2")
    assert made.rules() == {"feed repeated"}


def test_what_was_acknowledged_by_others():
    made = Broadcast()
    one = made.find(PAIR, "one")
    made.acknowledged.append(Acknowledged("another", made.now, [(one.shard, one.sequence)]))
    made.begins[f"{PAIR}-2"] = made.now + 1
    made.again(PAIR, one, subscription=f"{PAIR}-2")
    assert made.rules() == set()


def test_what_was_before_the_beginning():
    made = Broadcast()
    made.begins[f"{PAIR}-2"] = made.now
    for who in (LONE, PAIR):
        made.again(who, made.told[who][0], sequence=3, namespace="before",
                   subscription=f"{who}-{1 if who == LONE else 2}")
    assert made.rules() == {"feed repeated"}


def test_two_who_share_a_consumer_tell_all_of_it_together():
    made = Broadcast()
    made.begins[f"{PAIR}-2"] = 1.0
    for one in made.told[PAIR][::2]:
        one.subscription = f"{PAIR}-2"
    assert made.rules() == set(), "they share"
    made.drop(PAIR, made.find(PAIR, "three"))
    assert made.rules() == {"feed stuck", "feed lost"}


def test_what_a_webhook_has_had_may_come_again():
    made = Broadcast()
    for one in list(made.told[HOOK]):
        made.again(HOOK, one)
    assert made.rules() == set()
    made.told[HOOK] = [one for one in made.told[HOOK] if one.event.get("name") != "three"]
    assert "feed lost" in made.rules(), "but all of it has to come"


def test_a_webhook_is_told_nothing_before_what_was_before_it():
    made = Broadcast()
    one = made.find(HOOK, "one")
    one.at, made.told[HOOK][-1].at = made.told[HOOK][-1].at, one.at
    assert "feed gap" in made.rules()


def repeated(made: Broadcast, *places: int) -> set[str]:
    """Broken rules when these entries of machine a come again, in a topic."""
    entries = made.of(TOPIC, "a")
    for place in places:
        made.again(TOPIC, entries[place])
    return made.rules()


@pytest.mark.parametrize("places", [
    (5,), (5, 5), (0, 1, 2, 3, 4, 5), (2, 3, 4, 5), (4, 5, 2, 3, 4, 5), (2, 2, 3, 3, 2, 3, 4, 5),
    # Somebody had acknowledged more before another began, and that showed late.
    (1, 2, 4, 5),
    # Each can be the beginning of a block.
    (4, 3, 5)])
def test_in_a_topic_repeats_come_as_blocks(places):
    assert repeated(Broadcast(), *places) == set()


@pytest.mark.parametrize("places", [(2, 4, 3, 5), (1, 3, 2), (0, 2, 1, 3, 4, 5), (0, 3, 0, 1)])
def test_in_a_topic_repeats_that_are_in_no_order(places):
    assert repeated(Broadcast(), *places) == {"feed order"}


def test_in_a_topic_something_of_who_was_frozen_comes_between_repeats():
    made = Broadcast()
    entries = made.of(TOPIC, "a")
    for one in entries[4:]:
        made.told[TOPIC].remove(one)
    for place in (1, 4, 2, 3, 4, 5):
        made.again(TOPIC, entries[place])
    assert made.rules() == set()


def test_in_a_topic_machines_are_in_no_order_but_each_is():
    made = Broadcast()
    for one in made.told[TOPIC]:
        one.at = -ord(one.machine)
    assert made.rules() == set()
    first, second, *_ = made.of(TOPIC, "a")
    second.at, first.at = -1000, -999
    assert made.rules() == {"feed order"}


def test_in_a_topic_a_shard_is_in_no_order_but_has_no_gaps():
    made = Broadcast()
    for who in made.told:
        for one in made.of(who, "b"):
            one.shard, one.sequence = ord("a"), one.sequence + 6
            one.at = 0 if who == TOPIC else made.now + 1
    assert made.rules() == set()
    made.drop(TOPIC, made.find(TOPIC, "four"))
    assert made.rules() == {"feed gap", "feed lost"}


def test_in_a_topic_a_machine_has_one_partition():
    made = Broadcast()
    made.find(TOPIC, "four").place = "partition 2"
    assert made.rules() == {"feed order"}


def test_in_a_topic_another_content_than_before():
    made = Broadcast()
    made.again(TOPIC, made.find(TOPIC, "four"), event={"id": 3})
    assert made.rules() == {"feed rewritten"}


def test_in_a_topic_what_was_not_acknowledged_before_the_round_comes_again():
    made = Broadcast()
    made.acknowledged.append(Acknowledged(TOPIC, 0, [(ord("a"), 3)]))
    last = made.find(TOPIC, "four")
    made.again(TOPIC, last, sequence=4, namespace="before", place="any")
    assert made.rules() == set()
    made.again(TOPIC, last, sequence=3, namespace="before", place="any")
    assert made.rules() == {"feed repeated"}


def test_a_sink_delivers_what_it_is_to_deliver():
    made = Broadcast()
    made.wanted = ["n*"]
    assert made.rules() == set()
    made.wanted = ["o*"]
    assert made.rules() == {"feed unasked"}
    made.told[TOPIC].clear()
    assert made.rules() == set()
    for who in (LONE, PAIR, HOOK):
        made.drop(who, made.of(who, "b")[0])
    assert "feed stuck" in made.rules(), "nobody knows whose that was"


def test_a_sink_acknowledges_all_of_it():
    made = Broadcast()
    made.arrived[ord("b")] = 11
    assert made.rules() == {"feed stuck"}
