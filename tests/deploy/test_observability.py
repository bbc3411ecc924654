"""What deploy/observability names exists, is explained, and does not flap.

The rules are evaluated here by a small model of the few shapes they use (a comparison, an increase, two
of them joined): it proves what thresholds, `for` and `keep_firing_for` do to a series, not that Prometheus
parses them.
"""

from __future__ import annotations

import json
import operator
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from inventory_sync.api.measures import MEASURES
from inventory_sync.domain.ports import TIERS
from inventory_sync.domain.writing import Writing
from inventory_sync.support.metrics import Histogram

ROOT = Path(__file__).resolve().parent.parent.parent
OBSERVABILITY = ROOT / "deploy" / "observability"
NAME = re.compile(r"\binventory_sync_[a-z0-9_]+")
HALF = (
    r"(?:increase\()?(?P<metric>[a-z_0-9]+)(?:\{[^}]*\})?(?:\[(?P<window>\d+)m\]\))?"
    r" (?P<op>[<>]) (?P<limit>[\d.]+)"
)
EVERY_S = 15
Series = Callable[[int], float]


def families() -> set[str]:
    return {measure.name for measure in MEASURES}


def samples() -> set[str]:
    """Return every name a query may use."""
    parts = {
        f"{m.name}_{part}"
        for m in MEASURES
        if isinstance(m, Histogram)
        for part in ("bucket", "sum", "count")
    }
    return parts | {measure.name for measure in MEASURES if not isinstance(measure, Histogram)}


def rules() -> list[dict[str, Any]]:
    read = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())
    return [rule for group in read["groups"] for rule in group["rules"]]


def targets() -> Iterator[str]:
    board = json.loads((OBSERVABILITY / "dashboard.json").read_text())
    for panel in board["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def test_every_metric_a_rule_or_a_panel_names_exists() -> None:
    texts = [str(rule["expr"]) for rule in rules()] + list(targets())
    named = {name for text in texts for name in NAME.findall(text)}

    assert named <= samples(), named - samples()
    assert len(named) > 25


def named_labels(expr: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric of an expression with the labels it is matched by there."""
    for name, matchers in re.findall(r"\b(inventory_sync_[a-z0-9_]+)(?:\{([^}]*)\})?", expr):
        yield name, set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", matchers))


def labels_of(name: str) -> set[str]:
    """Return the labels a series of this name carries."""
    for measure in MEASURES:
        if isinstance(measure, Histogram) and name.removeprefix(measure.name) in (
            "_bucket",
            "_sum",
            "_count",
        ):
            return {*measure.labels} | ({"le"} if name.endswith("_bucket") else set())
        if measure.name == name:
            return {*measure.labels}
    raise AssertionError(name)


def test_every_label_a_rule_matches_joins_or_speaks_of_exists() -> None:
    for rule in rules():
        expr = str(rule["expr"])
        for name, matched in named_labels(expr):
            assert matched <= labels_of(name), (rule["alert"], name, matched - labels_of(name))
        names = [name for name, _ in named_labels(expr)]
        for joined in re.findall(r"\bon\(([a-z_]+)\)", expr):
            assert all(joined in labels_of(name) for name in names), (rule["alert"], joined)
        spoken = set(re.findall(r"\$labels\.([a-z_]+)", rule["annotations"]["summary"]))
        # What is told are the labels of the left side; those joined to it bring none of theirs.
        assert not names or spoken <= labels_of(names[0]), (rule["alert"], spoken)


def test_every_label_a_panel_matches_sums_or_shows_exists() -> None:
    board = json.loads((OBSERVABILITY / "dashboard.json").read_text())
    for target in (target for panel in board["panels"] for target in panel.get("targets", ())):
        expr = target["expr"]
        carried = set()
        for name, matched in named_labels(expr):
            assert matched <= labels_of(name), (expr, matched - labels_of(name))
            carried |= labels_of(name)
        summed = [set(re.split(r",\s*", each)) for each in re.findall(r"\bby \(([^)]*)\)", expr)]
        shown = set(re.findall(r"\{\{\s*([a-z_]+)\s*\}\}", target.get("legendFormat", "")))
        assert all(each <= carried for each in summed), expr
        assert shown <= (set.union(*summed) if summed else carried), (expr, shown)


def test_every_value_a_rule_matches_is_one_that_is_told() -> None:
    """A misspelt class or phase matches nothing, and such a rule is silent for ever."""
    told = {
        "tier": {*TIERS}, "class": {"urgent", "all", "other"}, "phase": {"closed", "half_open", "open"},
        "window": {"1h", "6h"}, "name": {"dispatcher"}, "code": {"hook.unavailable"},
        "severity": {"low", "normal", "urgent"}, "writing": {each.value for each in Writing},
    }  # fmt: skip
    for rule in rules():
        for label, value in re.findall(r'([a-z_]+)="([^"]*)"', str(rule["expr"])):
            assert label == "job" or value in told[label], (rule["alert"], label, value)


def test_every_metric_is_explained_and_every_one_explained_exists() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text()
    rows = set(re.findall(r"^\| `(inventory_sync_[a-z0-9_]+)`", text, re.MULTILINE))

    assert rows == families(), rows ^ families()


def test_the_pages_of_docs_name_no_metric_that_is_gone() -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        named = {name for name in NAME.findall(page.read_text()) if not name.endswith("_")}
        assert named <= samples() | families(), (page.name, named - samples() - families())


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_a_rule_names_its_owner_and_a_page_that_exists(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("urgent", "normal", "low")
    assert rule["labels"]["owner"]
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    text = (ROOT / page).read_text()
    headings = {re.sub(r"[^a-z0-9 -]", "", line[3:].lower()).replace(" ", "-") for line in text.splitlines()}
    assert not anchor or anchor in headings


# ── what they do over time ──


@dataclass
class Alert:
    """One alert of Prometheus: pending for a while, firing, and firing on for a while after."""

    for_s: float
    keep_s: float
    since: int | None = None
    last_true: int | None = None
    firing: bool = False

    def step(self, now: int, is_true: bool) -> bool:
        if is_true:
            self.since = now if self.since is None else self.since
            self.last_true = now
            self.firing = self.firing or now - self.since >= self.for_s
        else:
            self.since = None
            if self.firing and self.last_true is not None and now - self.last_true >= self.keep_s:
                self.firing = False
        return self.firing


def seconds(text: str) -> int:
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]


def holds(expr: str, series: Series, now: int) -> bool:
    """Evaluate an expression whose every metric follows the same series of one label set."""
    halves = re.split(r" and (?:ignoring|on)\([a-z]+\) ", expr)
    # Of a connection that runs: what a rule joins to leave the others alone holds.
    halves = [halves[0], *(half for half in halves[1:] if "_connection_active" not in half)]
    found = [re.fullmatch(HALF, half) for half in halves]
    assert all(found), f"{expr}: the model does not know this shape"

    def one(half: re.Match[str]) -> bool:
        value = series(now)
        if half["window"]:
            value -= series(now - int(half["window"]) * 60)
        compare = operator.gt if half["op"] == ">" else operator.lt
        return bool(compare(value, float(half["limit"])))

    return all(one(half) for half in found if half is not None)


def states(rule: dict[str, Any], series: Series, *, over_s: int, keep: bool = True) -> list[bool]:
    alert = Alert(seconds(rule["for"]), seconds(rule["keep_firing_for"]) if keep else 0)
    return [alert.step(now, holds(rule["expr"], series, now)) for now in range(0, over_s, EVERY_S)]


def most_changes(found: list[bool]) -> int:
    """Return the most changes of state within any ten minutes."""
    changed = [place for place in range(1, len(found)) if found[place] != found[place - 1]]
    return max((sum(0 <= other - place < 600 / EVERY_S for other in changed) for place in changed), default=0)


def trouble(rule: dict[str, Any], is_bad: Callable[[int], bool]) -> Series:
    """Return a series that breaks the rule whenever `is_bad`; a counter climbs then."""
    half = re.match(HALF, rule["expr"])
    assert half is not None
    limit = float(half["limit"])
    if half["window"]:
        return lambda now: sum(limit for at in range(0, max(0, now), 60) if is_bad(at))
    good, bad = (0.0, limit * 2 + 1) if half["op"] == ">" else (1.0, 0.0)
    return lambda now: bad if is_bad(now) else good


def bad_hour(seed: int) -> Callable[[int], bool]:
    """Return faults that come and go like those of a drill: some seconds to some minutes each."""
    rnd, spans, at = random.Random(seed), [], 0.0
    while at < 7200:
        start = at + rnd.expovariate(1 / 90)
        at = start + rnd.expovariate(1 / 240)
        spans.append((start, at))
    return lambda now: any(start <= now < end for start, end in spans)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_one_retry_never_alarms_and_lasting_trouble_does(rule: dict[str, Any]) -> None:
    # An increase sees one bad minute for its whole window: it may only count less than its limit then.
    one_retry = trouble(rule, lambda now: 1200 <= now < 1200 + 45)
    lasting = trouble(rule, lambda now: now >= 600)

    assert not any(states(rule, one_retry, over_s=3600))
    assert states(rule, lasting, over_s=7200 + seconds(rule["for"]))[-1]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_no_alert_changes_state_more_than_twice_in_ten_minutes_of_a_bad_hour(rule: dict[str, Any]) -> None:
    for seed in range(5):
        assert most_changes(states(rule, trouble(rule, bad_hour(seed)), over_s=7200)) <= 2, seed


def test_without_firing_on_the_same_hours_would_flap() -> None:
    rule = next(rule for rule in rules() if rule["alert"] == "UrgentFiguresLate")
    ragged = trouble(rule, lambda now: now % 240 < 210)

    assert most_changes(states(rule, ragged, over_s=7200, keep=False)) > 2
    assert most_changes(states(rule, ragged, over_s=7200)) <= 1
