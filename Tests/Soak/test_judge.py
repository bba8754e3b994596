"""The judge of a soak: what grows is seen, what sways is not."""

import random

from soak.judge import BOUNDS, VOLUME_BOUNDS, courses, fifths, latenesses, quantile, thirds
from soak.samples import Latency, Sample, latency_of
from support.metrics import Metrics

MEMORY = "memory (MiB)"


def run_of(*values: float, name: str = MEMORY) -> list[Sample]:
    """A sample a second."""
    return [Sample(at, {name: value}) for at, value in enumerate(values)]


def verdict(samples: list[Sample]) -> bool:
    (course,) = courses(thirds(samples))
    return course.grows


def test_thirds_are_by_time():
    samples = [Sample(at, {}) for at in (0, 1, 2, 3, 50, 99, 100)]
    middle, last = thirds(samples)
    assert [s.at for s in middle] == [50] and [s.at for s in last] == [99, 100]


def volume_of(*values: float) -> list[Sample]:
    """So many MiB after each hundredth of what was to be done."""
    return [Sample(0, {"done": done, MEMORY: value}) for done, value in enumerate(values, 1)]


def test_fifths_are_by_what_was_done():
    early, last = fifths(volume_of(*range(1, 101)))
    assert [s.numbers["done"] for s in early] == [*range(21, 41)]
    assert [s.numbers["done"] for s in last] == [*range(81, 101)]


def test_what_each_call_leaves_is_seen():
    def grows(mebibytes_in_all: float) -> bool:
        values = (15 + mebibytes_in_all * done / 100 for done in range(100))
        (course,) = courses(fifths(volume_of(*values)), VOLUME_BOUNDS)
        return course.grows

    assert grows(1_000_000 * 32 / (1 << 20)), "32 bytes of each of a million"
    assert not grows(5)


def test_a_leak_is_seen():
    assert verdict(run_of(*(100 + second for second in range(90))))
    assert verdict(run_of(*(4 + second / 5 for second in range(90)), name="file descriptors"))


def test_what_fills_in_the_first_third_is_none():
    assert not verdict(run_of(*(min(second, 30) * 10 for second in range(90))))


def test_what_sways_does_not_grow():
    draw = random.Random(1)
    for _ in range(50):
        assert not verdict(run_of(*(draw.gauss(200, 20) for _ in range(120))))


def test_one_peak_is_no_growth():
    assert not verdict(run_of(*[100] * 89, 1_000))


def test_every_number_with_a_bound_has_one_bound():
    names = [bound.name for bound in BOUNDS]
    assert len(set(names)) == len(names)


def late(*counts: int) -> dict[str, Latency]:
    bounds = [0.01, 0.1, 0.25, float("inf")]
    return {"engine": Latency(dict(zip(bounds, counts)))}


def test_a_late_loop_is_seen():
    def samples(at_most_100_ms: int) -> list[Sample]:
        quick = [Sample(at, {}, late(0, 0, 0, 0)) for at in range(89)]
        return [*quick, Sample(89, {}, late(9_000, at_most_100_ms, 10_000, 10_000))]

    (good,) = latenesses(samples(9_990), [])
    assert good.seconds == 0.1 and not good.is_late
    (bad,) = latenesses(samples(9_989), [])
    assert bad.seconds == 0.25 and bad.is_late
    (excused,) = latenesses(samples(9_989), [0.1] * 100)
    assert not excused.is_late, "the machine kept everybody waiting"


def test_one_standstill_of_a_short_run_is_excused_and_more_are_not():
    def run(late_probes: int) -> list[Sample]:
        quick = [Sample(at, {}, late(0, 0, 0, 0)) for at in range(89)]
        quick_ones = 1_000 - late_probes
        return [*quick, Sample(89, {}, late(quick_ones, quick_ones, 1_000, 1_000))]

    assert not next(latenesses(run(5), [])).is_late
    assert next(latenesses(run(6), [])).is_late


def test_what_was_late_in_the_first_third_does_not_count():
    samples = [Sample(at, {}, late(0, 0, 0, 500)) for at in range(89)]
    samples.append(Sample(89, {}, late(1_000, 1_000, 1_000, 1_500)))
    (lateness,) = latenesses(samples, [])
    assert lateness.seconds == 0.01


def test_quantiles():
    assert quantile([], 0.999) == 0
    assert quantile([3, 1, 2], 0.5) == 2 and quantile([3, 1, 2], 0.999) == 3


def test_buckets_are_read_from_metrics():
    metrics = Metrics('progressor_loop_latency_seconds_bucket{loop="a",le="0.1"} 4\n'
                      'progressor_loop_latency_seconds_bucket{loop="a",le="+Inf"} 5\n')
    assert latency_of(metrics)["a"].counts == {0.1: 4, float("inf"): 5}
