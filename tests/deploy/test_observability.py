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
    halves = re.split(r" and ignoring\(window\) ", expr)
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
    assert states(rule, lasting, over_s=7200)[-1]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_no_alert_changes_state_more_than_twice_in_ten_minutes_of_a_bad_hour(rule: dict[str, Any]) -> None:
    for seed in range(5):
        assert most_changes(states(rule, trouble(rule, bad_hour(seed)), over_s=7200)) <= 2, seed


def test_without_firing_on_the_same_hours_would_flap() -> None:
    rule = next(rule for rule in rules() if rule["alert"] == "UrgentFiguresLate")
    ragged = trouble(rule, lambda now: now % 240 < 210)

    assert most_changes(states(rule, ragged, over_s=7200, keep=False)) > 2
    assert most_changes(states(rule, ragged, over_s=7200)) <= 1
