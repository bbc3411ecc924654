"""Every measure runs, tiny, and both sides come to the same result. What it took decides nothing here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import world
from benchmarks.__main__ import MEASURES, run
from benchmarks.bench import Effort
from benchmarks.figures import Figure, of_pairs, save, table
from benchmarks.rows import digest
from benchmarks.world import Size
from tests.connectors.till.events import NOW

TINY = Size(items=120, in_stores=40, kits=6)


WHOLE_WAY = ("freshness", "calls", "flood", "twice_limit")
"""What needs door, broker, workers and a channel as processes."""


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("whole_way", [False, True], ids=["part by part", "the whole way"])
def test_every_measure_runs_and_both_sides_come_to_the_same_levels(tmp_path: Path, whole_way: bool) -> None:
    out = tmp_path / "out.json"
    chosen = [name for name in MEASURES if (name in WHOLE_WAY) is whole_way]
    figures = run(chosen, Effort(pairs=1, scale=0.01), TINY, out=out, with_floor=False)

    assert {figure.name: figure.void for figure in figures} == dict.fromkeys(chosen, "")
    assert all(figure.ours > 0 for figure in figures)
    written = json.loads(out.read_text())["measures"]
    assert {each["name"] for each in written} == set(chosen)
    assert all(
        each["postgres"]["fsync"] == each["postgres"]["synchronous_commit"] == "on" for each in written
    )


def test_the_same_seed_gives_the_same_deliveries_and_another_gives_others() -> None:
    once = world.deliveries(60, TINY, seed=3, now=NOW)

    assert once == world.deliveries(60, TINY, seed=3, now=NOW)
    assert not {raw.key for raw in once} & {raw.key for raw in world.deliveries(60, TINY, seed=4, now=NOW)}


def test_every_delivery_is_one_event_of_its_own() -> None:
    raws = world.deliveries(200, TINY, seed=1, now=NOW)
    bodies = [json.loads(raw.body) for raw in raws]

    assert len({raw.key for raw in raws}) == 200
    assert {len(body.get("lines") or body["line_items"]) for body in bodies} == {1}
    assert {raw.sender for raw in raws} == {world.TILL, world.SHOP}


def test_a_ratio_is_the_median_of_the_pairs_with_their_range() -> None:
    figure = of_pairs("x", "events/s", [(40, 2), (90, 3), (10, 1)], goal="≥ 20×", met=lambda _, r: r >= 20)

    assert (figure.ratio, figure.low, figure.high, figure.pairs, figure.met) == (20, 10, 30, 3, True)


def test_a_void_figure_has_met_nothing() -> None:
    figure = of_pairs("x", "events/s", [(40, 1)], goal="≥ 20×", met=lambda *_: True, void="levels differ")

    assert figure.met is None
    assert "void" in table([figure])


def test_results_of_a_partial_run_leave_the_others_as_they_were(tmp_path: Path) -> None:
    save(tmp_path / "x.json", [Figure("one", "s", 1), Figure("two", "s", 2)], {"seed": 1})
    save(tmp_path / "x.json", [Figure("two", "s", 3)], {"seed": 2})

    measures = {each["name"]: each for each in json.loads((tmp_path / "x.json").read_text())["measures"]}
    assert (measures["one"]["ours"], measures["one"]["seed"]) == (1, 1)
    assert (measures["two"]["ours"], measures["two"]["seed"]) == (3, 2)


def test_numbers_are_compared_by_value_and_names_by_letter() -> None:
    assert digest([("SKU-1", "5.000000")]) == digest([("SKU-1", "5")])
    assert digest([("SKU-1", "5")]) != digest([("SKU-1", "6")])
    assert digest([("SKU-1", "5")]) != digest([("SKU-2", "5")])
