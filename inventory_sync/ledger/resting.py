"""Levels that must be worked out again from what was recorded, not from how they stand.

A count or a figure was withdrawn by a correction; a tenure began; or a report came to a place that has lived
through several tenures, where the simple way of the fold does not apply. Rare, and a few reads per batch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from inventory_sync.domain.basis import Basis
from inventory_sync.domain.levels import Fold, LevelState, rest_anew
from inventory_sync.domain.modes import Tenures, Window
from inventory_sync.domain.reports import ZERO, BookFigure, Count, Position
from inventory_sync.ledger.holdings import contained_in
from inventory_sync.ledger.ports import LedgerStore, Place, Recorded
from inventory_sync.ledger.types import LevelKey, StockEvent

SumsAfter = Callable[[Mapping[LevelKey, Position | None]], Mapping[LevelKey, Decimal]]


@dataclass(frozen=True, slots=True)
class Recalled:
    """What was recorded of a level that decides it: the ruling count, the newest figure, what else counts."""

    count: Recorded | None
    figure: Recorded | None
    latest: Recorded | None
    deltas: Decimal
    unavailable: Decimal | None

    @property
    def told(self) -> Recorded | None:
        """An event to name as the cause, best the one that decides."""
        return self.count or self.figure or self.latest


def fold_key(event: StockEvent) -> str:
    """Return the key that tells the event apart from those of other connections at the same level."""
    return f"{event.connection_id}:{event.key}"


def count_of(event: StockEvent) -> Count:
    return Count(fold_key(event), event.quantity, Position(event.occurred_at, event.sequence))


def figure_of(event: StockEvent) -> BookFigure:
    """Return a figure with all that belongs to it; it says nothing of what its facts leave out."""
    if event.reading is None:
        raise ValueError(f"a book figure needs its reading number: {event.key}")
    facts = event.figure
    return BookFigure(
        key=fold_key(event),
        reading=event.reading,
        quantity=event.quantity,
        reserved=facts.reserved if facts else ZERO,
        unassigned=facts.unassigned if facts else ZERO,
        unavailable=facts.unavailable if facts else ZERO,
        contained=contained_in(facts),
    )


def recall(
    keys: Collection[LevelKey], places: Mapping[int, Place], store: LedgerStore
) -> dict[LevelKey, Recalled]:
    """Return what decides each of these levels, which are locked."""
    if not keys:
        return {}
    counts, figures = store.latest_counts(keys), store.newest_figures(keys)
    latest = store.latest_events({*keys} - counts.keys() - figures.keys())
    bases = {
        key: Basis.of(
            count_of(counts[key].event) if key in counts else None,
            figures[key].event.reading if key in figures else None,
            places[key[1]].lived,
        )
        for key in keys
    }
    deltas = _over({key: basis.windows() for key, basis in bases.items()}, store.deltas_after)
    several = [key for key in keys if len(places[key[1]].lived.all) > 1]
    since = {key: _since_figure(places[key[1]].lived, figures.get(key)) for key in several}
    changes = _over(since, store.conditions_after)
    return {
        key: Recalled(
            counts.get(key),
            figures.get(key),
            latest.get(key),
            deltas[key],
            changes[key] + _said(figures.get(key)) if key in changes else None,
        )
        for key in keys
    }


def settle_anew(state: LevelState, recalled: Recalled, place: Place, *, key: str) -> Fold:
    """Return the level as what was recorded makes it."""
    return rest_anew(
        state,
        count=count_of(recalled.count.event) if recalled.count else None,
        figure=figure_of(recalled.figure.event) if recalled.figure else None,
        deltas=recalled.deltas,
        tenures=place.lived,
        unavailable=state.unavailable if recalled.unavailable is None else recalled.unavailable,
        complete=place.complete,
        key=key,
    )


def _said(figure: Recorded | None) -> Decimal:
    return figure.event.figure.unavailable if figure and figure.event.figure else ZERO


def _since_figure(lived: Tenures, figure: Recorded | None) -> tuple[Window, ...]:
    """Return when changes of condition count: in movements tenures after the newest figure."""
    if figure is None or figure.event.reading is None:
        return lived.movements_after(None, number=0)
    return lived.movements_after(None, number=lived.of_reading(figure.event.reading))


def _over(windows: Mapping[LevelKey, tuple[Window, ...]], sums_after: SumsAfter) -> dict[LevelKey, Decimal]:
    """Sum each level over its windows: what came after they begin, less what came after they end."""
    totals = dict.fromkeys(windows, ZERO)
    for number in range(max((len(each) for each in windows.values()), default=0)):
        there = {key: each[number] for key, each in windows.items() if number < len(each)}
        for key, total in sums_after({key: start for key, (start, _) in there.items()}).items():
            totals[key] += total
        ends = {key: end for key, (_, end) in there.items() if end is not None}
        for key, total in (sums_after(ends) if ends else {}).items():
            totals[key] -= total
    return totals
