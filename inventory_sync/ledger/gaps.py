"""Numbers a feed left out: while one is open, what came after it makes no figure rise.

A feed is the numbered reports of one connection about one location. Whoever reads the numbers says which are
missing (note_missing); a report with that number fills the gap, whenever and however it comes; staff may
declare it lost, with a reason. Later deltas are posted all the same: they happened. But a level that has a
delta of a higher number is unknown, unless a later count of the same feed holds the missing one already. The
gap's own reading number marks the levels it holds, so that closing it frees those and no others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from inventory_sync.domain.basis import Basis
from inventory_sync.domain.levels import LevelState
from inventory_sync.ledger.ports import LedgerStore, OpenGap, Place, Recording
from inventory_sync.ledger.types import EventKind, FeedNumber, LevelKey, StockEvent


@dataclass(frozen=True, slots=True)
class Gaps:
    """The open gaps a batch meets: those that close with it, and those that stay open.

    held: the levels that a closing gap held. passed: per (feed's connection, level) the highest number of
    deltas known of it, where that had to be looked up.
    """

    closed: tuple[OpenGap, ...] = ()
    left: tuple[OpenGap, ...] = ()
    held: frozenset[LevelKey] = frozenset()
    passed: Mapping[tuple[int, LevelKey], int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.closed or self.left)

    @property
    def levels(self) -> set[LevelKey]:
        """The levels to lock for their sake."""
        return {*self.held, *(key for _, key in self.passed)}

    def settled(
        self,
        recording: Recording,
        levels: Mapping[LevelKey, LevelState],
        after: Mapping[LevelKey, LevelState],
        places: Mapping[int, Place],
    ) -> dict[LevelKey, LevelState]:
        """Return the levels these gaps hold now, or no longer hold; `after`: what else the batch changes."""
        highest = {**self.passed, **_highest(each.event for each in recording.new)}
        marks = {gap.since: gap for gap in (*self.closed, *self.left)}
        changed: dict[LevelKey, LevelState] = {}
        for key, before in levels.items():
            level = after.get(key, before)
            held_by = marks.get(before.unknown_since or 0)
            ruler = self._blocking(key, highest, held_by, level)
            if ruler is not None and level.unknown_since != ruler.since:
                changed[key] = replace(
                    level, known=False, unknown_since=ruler.since, version=before.version + 1
                )
            elif ruler is None and held_by is not None and level.unknown_since == held_by.since:
                known = is_told(level, places[key[1]])
                changed[key] = replace(level, known=known, unknown_since=None, version=before.version + 1)
        return changed

    def _blocking(
        self,
        key: LevelKey,
        highest: Mapping[tuple[int, LevelKey], int],
        held_by: OpenGap | None,
        level: LevelState,
    ) -> OpenGap | None:
        """Return the open gap with the highest number that a delta of its feed at the level comes after."""
        for gap in sorted(self.left, key=lambda each: each.sequence, reverse=True):
            if gap.location_id != key[1]:
                continue
            passed = highest.get((gap.connection_id, key), -1) > gap.sequence
            if held_by is not None and held_by.connection_id == gap.connection_id:
                passed = passed or held_by.sequence >= gap.sequence
            if passed and not holds(level, gap):
                return gap
        return None


def meet(
    recording: Recording,
    store: LedgerStore,
    *,
    came: Collection[FeedNumber] = (),
    missing: Sequence[OpenGap] = (),
    lost: OpenGap | None = None,
) -> Gaps:
    """Return the open gaps at the places of a batch, locked: those its reports fill, and those left.

    came: numbers of messages that came, whether or not stock moved by them. missing: those of one feed just
    noted, which look back at what came after them. lost: one that staff gave up.
    """
    numbered = [each.event for each in recording.new if each.event.sequence is not None]
    places = {event.location_id for event in numbered}
    places |= {place for _, place, _ in came}
    places |= {gap.location_id for gap in (*missing, *((lost,) if lost else ()))}
    gaps = store.open_gaps(places) if places else []
    if not gaps:
        return Gaps()
    filled = {(event.connection_id, event.location_id, event.sequence) for event in numbered} | set(came)
    closed = tuple(
        gap
        for gap in gaps
        if (gap.connection_id, gap.location_id, gap.sequence) in filled or (lost and gap.id == lost.id)
    )
    passed = {}
    if missing:
        feed, lowest = missing[0], min(gap.sequence for gap in missing)
        above = store.highest_numbers(feed.connection_id, feed.location_id, above=lowest)
        passed = {(feed.connection_id, key): number for key, number in above.items()}
    held = store.levels_marked([gap.since for gap in closed]) if closed else {}
    return Gaps(closed, tuple(gap for gap in gaps if gap not in closed), frozenset(held), passed)


def holds(level: LevelState, gap: OpenGap) -> bool:
    """Say whether the level's count was made after the missing number, by the same feed: it holds it."""
    count = level.count
    if count is None or count.at.sequence is None or count.at.sequence <= gap.sequence:
        return False
    return count.key.startswith(f"{gap.connection_id}:")


def is_told(level: LevelState, place: Place) -> bool:
    """Say whether a report of the tenure in force, or its completeness, tells the whole stock."""
    basis = Basis.of(level.count, level.reading, place.lived)
    whole = basis.count is not None or basis.reading is not None
    return place.complete or (whole and basis.is_current)


def _highest(events: Iterable[StockEvent]) -> dict[tuple[int, LevelKey], int]:
    """Return the highest number of each feed's new deltas at each level."""
    found: dict[tuple[int, LevelKey], int] = {}
    for event in events:
        if event.kind is EventKind.DELTA and event.sequence is not None:
            key = (event.connection_id, (event.item_id, event.location_id))
            found[key] = max(found.get(key, -1), event.sequence)
    return found
