"""What a measure says: medians over interleaved pairs, the ratio with its range; and how it is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure. `ratio` is ours to naive (or to the reference named in `details`), with its range.

    `void` says why the figure must not be believed; then it counts for nothing.
    """

    name: str
    unit: str
    ours: float
    naive: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    pairs: int = 0
    goal: str = ""
    met: bool | None = None
    void: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


def of_pairs(
    name: str,
    unit: str,
    pairs: Sequence[tuple[float, float]],
    *,
    goal: str = "",
    met: Callable[[float, float], bool] | None = None,
    void: str = "",
    details: Mapping[str, Any] | None = None,
) -> Figure:
    """Return the figure of (ours, naive) rates measured side by side; `met` is asked (ours, ratio)."""
    ratios = [ours / naive for ours, naive in pairs]
    ours, ratio = median(one for one, _ in pairs), median(ratios)
    return Figure(
        name=name,
        unit=unit,
        ours=_short(ours),
        naive=_short(median(other for _, other in pairs)),
        ratio=_short(ratio),
        low=_short(min(ratios)),
        high=_short(max(ratios)),
        pairs=len(pairs),
        goal=goal,
        met=None if met is None or void else met(ours, ratio),
        void=void,
        details=dict(details or {}),
    )


def _short(value: float) -> float:
    """Keep four significant digits: more would claim what the machine does not hold still for."""
    return float(f"{value:.4g}")


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of them does not exceed; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a table for a terminal and for docs alike."""
    head = ("measure", "unit", "ours", "naive", "ratio", "range", "pairs", "goal", "")
    rows = [head, *(_row(figure) for figure in figures)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _row(figure: Figure) -> tuple[str, ...]:
    verdict = "void" if figure.void else {True: "met", False: "missed", None: ""}[figure.met]
    spread = "" if figure.low is None or figure.high is None else f"{figure.low:,.4g}–{figure.high:,.4g}"
    return (
        figure.name,
        figure.unit,
        number(figure.ours),
        "" if figure.naive is None else number(figure.naive),
        "" if figure.ratio is None else f"{figure.ratio:,.4g}×",
        spread,
        str(figure.pairs) if figure.pairs else "",
        figure.goal,
        verdict,
    )


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def save(path: Path, figures: Sequence[Figure], about: Mapping[str, Any]) -> None:
    """Write the results; measures that this run did not make stay as they were."""
    kept: dict[str, Any] = {}
    if path.exists():
        kept = {each["name"]: each for each in json.loads(path.read_text(encoding="utf-8"))["measures"]}
    for figure in figures:
        kept[figure.name] = {**asdict(figure), **about}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"measures": list(kept.values())}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


BEGINS, ENDS = "<!-- measured: written by make bench -->", "<!-- end -->"


def publish(results: Path, page: Path) -> None:
    """Write the kept results into a page, between its two marks."""
    kept = json.loads(results.read_text(encoding="utf-8"))["measures"]
    names = {each.name for each in fields(Figure)}
    figures = [Figure(**{name: value for name, value in one.items() if name in names}) for one in kept]
    newest = max(kept, key=lambda one: str(one["at"]))
    machine = newest["machine"]
    words = (
        f"Last run {newest['at']} of {newest['commit']}: {machine['cores']} cores of {machine['cpu']},"
        f" {machine['memory_mb'] // 1024} GB, load before {machine['load_before']}; PostgreSQL"
        f" {newest['postgres']['server_version']}, fsync {newest['postgres']['fsync']}, synchronous_commit"
        f" {newest['postgres']['synchronous_commit']}."
    )
    said = [
        f"- `{figure.name}`: " + ", ".join(f"{name} {value}" for name, value in figure.details.items())
        for figure in figures
        if figure.details
    ]
    text = page.read_text(encoding="utf-8")
    head, rest = text.split(BEGINS)
    tail = rest.split(ENDS)[1]
    inside = "\n\n".join([words, table(figures), "\n".join(said)])
    page.write_text(f"{head}{BEGINS}\n\n{inside}\n\n{ENDS}{tail}", encoding="utf-8")
