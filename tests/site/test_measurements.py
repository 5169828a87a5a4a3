"""What rows of benchmarks and steps of a build say together."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from book import measurements, timeline

NAMES = "abcdef"
AIMS = pd.DataFrame(
    [("energy", "time over", "limit", 0.5, "half"), ("maps", "speed-up", "aim", 10, "ten times")],
    columns=["benchmark", "quantity", "kind", "value", "why"],
)


def row(benchmark, case, quantity, value, unit="ratio", baseline=""):
    return {"benchmark": benchmark, "case": case, "quantity": quantity, "value": value, "unit": unit} | {
        "baseline": baseline
    }


@st.composite
def builds(draw):
    """Steps that need some of those before them."""
    seconds = draw(st.lists(st.integers(1, 50), min_size=1, max_size=6))
    needs = [draw(st.sets(st.sampled_from(NAMES[:k]))) if k else () for k in range(len(seconds))]
    facts = zip(NAMES, seconds, needs, strict=False)
    return [{"name": n, "seconds": s, "needs": sorted(before)} for n, s, before in facts]


@given(builds())
def test_the_longest_chain_is_how_long_a_build_takes_where_every_step_begins_at_once(steps):
    ends = {}
    for step in steps:
        ends[step["name"]] = step["seconds"] + max((ends[need] for need in step["needs"]), default=0)
    chain = timeline.longest_chain(steps)
    assert sum(step["seconds"] for step in chain) == max(ends.values())
    assert all(one["name"] in two["needs"] for one, two in itertools.pairwise(chain))


def test_steps_that_need_each_other_are_refused_and_unknown_ones_count_for_nothing():
    steps = [{"name": "a", "seconds": 1, "needs": ["b"]}, {"name": "b", "seconds": 1, "needs": ["a"]}]
    with pytest.raises(ValueError, match="steps must not need themselves; got a -> b -> a"):
        timeline.longest_chain(steps)
    assert timeline.longest_chain([{"name": "a", "seconds": 1, "needs": ["gone"]}])[0]["name"] == "a"
    assert timeline.longest_chain([]) == timeline.without_pauses([]) == []


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 30)), min_size=1, max_size=8))
def test_a_time_line_has_the_seconds_in_which_a_step_ran_and_no_others(times):
    steps = [{"name": str(k), "started": s, "seconds": t} for k, (s, t) in enumerate(times)]
    placed = timeline.without_pauses(steps)
    busy = {second for start, length in times for second in range(start, start + length)}
    assert min(step["start"] for step in placed) == 0 and max(step["end"] for step in placed) == len(busy)
    assert {step["name"]: step["end"] - step["start"] for step in placed} == {s["name"]: s["seconds"] for s in steps}
    for one, two in itertools.combinations(placed, 2):  # what ran side by side does so
        together = min(o["started"] + o["seconds"] for o in (one, two)) > max(one["started"], two["started"])
        assert (min(one["end"], two["end"]) > max(one["start"], two["start"])) == together


def test_growth_takes_times_at_several_sizes_and_leaves_out_what_all_cases_share():
    rows = [
        row("maps", f"{n} pairs, 8 to 9 dimensions, {kind}", "per pair", time, "µs")
        for kind, n, time in [("ridge", 100, 4.0), ("ridge", 10, 9.0), ("ridge", 10, 8.0), ("linear", 10, 1.0)]
    ]
    rows.append(row("maps", "100 pairs, 8 to 9 dimensions, ridge", "memory", 3.0, "MB"))
    rows.append(row("maps", "1000 pairs, 8 to 9 dimensions, ridge", "memory", 5.0, "MB"))
    rows.append(row("other", "N=5 d=2", "sweep", 1.0, "s"))
    found = measurements.growth(rows, "maps")
    assert found[["size", "value"]].to_numpy().tolist() == [[10, 8], [100, 4]]
    assert measurements.growth(rows, "other").empty and measurements.growth(rows, "maps", "sweep").empty
    rows.append(row("maps", "50 pairs, 8 to 9 dimensions, linear", "per pair", 2.0, "µs"))
    assert measurements.growth(rows, "maps")["case"].tolist() == ["ridge", "linear", "linear", "ridge"]


@pytest.mark.parametrize(
    ("case", "size"),
    [("N=2000 d=512, 8 attributes", "2000"), ("1000 pairs", "1000"), ("net-lite0, 96 images", "96"), ("one", None)],
)
def test_the_size_of_a_case_is_its_first_number(case, size):
    found = measurements.SIZE.search(case)
    assert (found and found[0]) == size


def test_a_speed_up_is_a_time_and_so_is_its_aim():
    rows = [
        row("maps", "ridge", "speed-up, fits", 20.0, baseline="one call per map, 3 s"),
        row("maps", "linear", "speed-up, fits", 5.0, baseline="one call per map, 3 s"),
        row("energy", "N=5", "time over products", 0.8),
        row("energy", "N=5", "sweep", 3.0, "s"),
    ]
    found = measurements.ratios(rows, AIMS)
    assert found.time.tolist() == [0.05, 0.2, 0.8]
    assert found.against.tolist() == ["maps: one call per map"] * 2 + ["energy: products"]
    assert found.state.tolist() == ["aim reached", "aim not reached", "no aim"]
    np.testing.assert_array_equal(found[["aim", "limit"]], [[0.1, np.nan], [0.1, np.nan], [np.nan, 0.5]])
    said = "1 of 2 aims are reached. Not reached: maps: one call per map (linear): 0.2, aim 0.1."
    assert measurements.in_words(found) == said
    assert measurements.in_words(found[:1]) == "1 of 1 aims are reached."


def test_aims_are_those_of_benchmarks_and_say_why():
    aims = measurements.aims()
    assert set(aims["kind"]) <= {"aim", "limit"} and aims.notna().all(axis=None)
    assert not aims.duplicated(["benchmark", "quantity", "kind"]).any()
    scripts = measurements.AIMS.parents[1] / "benchmarks"
    for aim in aims.itertuples():
        assert aim.quantity in (scripts / f"{aim.benchmark}.py").read_text().replace("{other}", "onnxruntime")
