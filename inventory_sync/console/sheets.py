"""An explanation as a page shows it: headings, bars, rows with links to their documents. Reads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from django.urls import NoReverseMatch, reverse

from inventory_sync.console.formats import quantity
from inventory_sync.console.waterfall import Bar, bars, signed
from inventory_sync.pipeline.explain.types import (
    Document,
    FigureExplained,
    Place,
    PlaceExplained,
    Term,
    Told,
)

VERDICTS = {
    "known": ("known", "good"),
    "held": ("held: something is unknown", "wait"),
    "shrunk": ("shrunk: something is unknown", "wait"),
    "stopped": ("stopped: something is unknown", "bad"),
    "unknown": ("unknown: nothing is published", "bad"),
}


@dataclass(frozen=True, slots=True)
class Paper:
    """A document in a row of the table."""

    title: str
    detail: str
    change: str
    at: datetime | None
    url: str


@dataclass(frozen=True, slots=True)
class Row:
    """A term in the table, with its documents and, for kits, the components' own rows."""

    anchor: str
    label: str
    where: str
    change: str
    total: str
    papers: tuple[Paper, ...]
    parts: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything the page shows of one explanation at one instant."""

    key: str
    title: str
    number: str
    unit: str
    state: str
    tone: str
    moment: datetime | None
    bars: tuple[Bar, ...]
    rows: tuple[Row, ...]
    facts: tuple[tuple[str, str], ...]
    why: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    told: tuple[Told, ...] = ()
    told_asked: bool = False
    note: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a comparison: a term at both instants, and how it changed."""

    label: str
    where: str
    left: str
    right: str
    change: str


@dataclass(frozen=True, slots=True)
class Comparison:
    lines: tuple[Line, ...] = field(default=())
    change: str = ""


def of_figure(found: FigureExplained, *, key: str) -> Sheet:
    state, tone = VERDICTS.get(found.verdict, (found.verdict, "wait"))
    policy = f"version {found.policy_version}" if found.policy_version else "none: the whole pool is offered"
    note = ""
    if found.pending is not None:
        note = f"Something newer waits to be computed since {stamp(found.pending)}."
    return Sheet(
        key=key,
        title=f"{found.channel} may sell" if found.moment is None else f"{found.channel} might sell",
        number=quantity(found.figure),
        unit=found.unit,
        state=state,
        tone=tone,
        moment=found.moment,
        bars=tuple(bars(found.terms, result="May be sold", figure=found.figure, key=key)),
        rows=_rows(found.terms, key),
        facts=(
            ("Computed", stamp(found.computed_at)),
            ("Stood until", stamp(found.until) if found.until else "now"),
            ("Version", str(found.version)),
            ("Policy", policy),
        ),
        why=found.why_not_higher,
        places=found.places,
        told=found.told,
        told_asked=True,
        note=note,
        correlation_id=found.correlation_id,
    )


def of_place(found: PlaceExplained, *, key: str) -> Sheet:
    facts = [
        ("Authority", found.place.authority or "nobody"),
        ("Kept by", found.place.mode),
        ("On hand", quantity(found.on_hand)),
    ]
    note = ""
    if found.moment is not None:
        basis = {"count": "reckoned from a shelf count", "figure": "by a book figure"}.get(found.stood_by, "")
        stood = quantity(found.stood) if found.stood_known else "unknown"
        facts.append(("Truly stood", " · ".join(part for part in (stood, basis) if part)))
        note = "The terms are what the ledger knew then. “Truly stood” counts what was reported later too."
    known = found.free is not None
    return Sheet(
        key=key,
        title=f"free at {found.place.location}",
        number=quantity(found.free),
        unit=found.unit,
        state="known" if known else "unknown: no report covers it",
        tone="good" if known else "bad",
        moment=found.moment,
        bars=tuple(bars(found.terms, result="Free", figure=found.free, key=key)),
        rows=_rows(found.terms, key),
        facts=tuple(facts),
        places=(found.place,),
        note=note,
    )


def compared(left: Sequence[Term], right: Sequence[Term]) -> Comparison:
    """Return the terms of two instants side by side, those that differ first."""
    ours, theirs = _by_name(left), _by_name(right)
    lines = []
    for name in dict.fromkeys([*ours, *theirs]):
        one, other = ours.get(name), theirs.get(name)
        difference = (other.quantity if other else Decimal(0)) - (one.quantity if one else Decimal(0))
        term = one or other
        assert term is not None
        line = Line(
            term.label,
            _where(term),
            signed(one.quantity) if one else "—",
            signed(other.quantity) if other else "—",
            signed(difference) if difference else "",
        )
        lines.append((difference == 0, line))
    lines.sort(key=lambda pair: pair[0])
    total = _sum(right) - _sum(left)
    return Comparison(tuple(line for _, line in lines), signed(total))


def link_to(model: str, pk: int | None) -> str:
    """Return the admin page of a row, "" where there is none."""
    if not model or pk is None:
        return ""
    try:
        return reverse(f"admin:{model}_change", args=[pk])
    except NoReverseMatch:
        return ""


def stamp(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _rows(terms: Sequence[Term], key: str, seen: set[str] | None = None) -> tuple[Row, ...]:
    """Return the rows of a table; what decides many terms is told whole the first time only."""
    seen = set() if seen is None else seen
    return tuple(_row(term, f"{key}-{number}", seen) for number, term in enumerate(terms, start=1))


def _row(term: Term, anchor: str, seen: set[str]) -> Row:
    return Row(
        anchor,
        term.label,
        _where(term),
        signed(term.quantity),
        quantity(term.total),
        tuple(_paper(each, seen) for each in term.documents),
        _rows(term.basis, anchor, seen),
    )


def _paper(document: Document, seen: set[str]) -> Paper:
    state = document.state.replace("_", " ")
    detail = " · ".join(part for part in (state, document.detail) if part)
    if document.quantity is None and document.title in seen:
        detail = ""
    seen.add(document.title)
    change = "" if document.quantity is None else signed(document.quantity)
    return Paper(document.title, detail, change, document.at, link_to(document.model, document.pk))


def _where(term: Term) -> str:
    return " · ".join(part for part in (term.component, term.location) if part)


def _by_name(terms: Sequence[Term]) -> dict[tuple[str, str, str, int], Term]:
    """Key terms so that the same one of two instants meets itself; a repeated one by its turn."""
    found: dict[tuple[str, str, str, int], Term] = {}
    for term in terms:
        turn = 0
        while (term.name, term.location, term.component, turn) in found:
            turn += 1
        found[term.name, term.location, term.component, turn] = term
    return found


def _sum(terms: Sequence[Term]) -> Decimal:
    return sum((term.quantity for term in terms), Decimal(0))
