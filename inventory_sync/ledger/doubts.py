"""What is not sure any more: levels a reading failed on, a dead feed was to tell, or a new tenure begins at.

An unknown level keeps what was free when it became unknown; that falls with what is taken since and never
rises. It is known again only by a report begun after the fault (domain/levels.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from inventory_sync.domain.levels import LevelState, mark_unknown
from inventory_sync.ledger.ports import LedgerStore, Place
from inventory_sync.ledger.types import CutReading, LevelKey

Doubts = Mapping[LevelKey, int]  # level → the reading number since which it is unknown


def doubts_of(
    cut: Sequence[CutReading], places: Mapping[int, Place], store: LedgerStore
) -> dict[LevelKey, int]:
    """Return the levels failed readings leave in doubt: those there are, and those of places known whole."""
    doubts: dict[LevelKey, int] = {}
    for each in cut:
        keys = set(store.level_keys(each.location_ids, each.item_ids))
        keys |= {
            (item, place) for place in each.location_ids if places[place].complete for item in each.item_ids
        }
        for key in keys:
            doubts[key] = max(each.reading, doubts.get(key, each.reading))
    return doubts


def with_doubts(
    doubts: Doubts,
    levels: Mapping[LevelKey, LevelState],
    after: Mapping[LevelKey, LevelState],
    on_hand: Mapping[LevelKey, Decimal],
) -> dict[LevelKey, LevelState]:
    """Return the levels to write, those in doubt unknown. after, on_hand: what else the batch changes."""
    changed = dict(after)
    for key, reading in sorted(doubts.items()):
        level = after.get(key, levels[key])
        doubtful = mark_unknown(level, since_reading=reading)
        if doubtful != level:
            changed[key] = replace(doubtful, on_hand=on_hand.get(key, level.on_hand))
    return changed


def begun(level: LevelState) -> LevelState:
    """Return a level of which nothing was told yet in the tenure that begins: it rests on what it did."""
    return replace(level, known=False, version=level.version + 1)


class Falls:
    """By how much the ceilings of unknown levels fall in a batch: by what is taken, never up again.

    What is promised is taken even if as much came in the same batch: nobody knows that it is free.
    """

    def __init__(
        self, levels: Mapping[LevelKey, LevelState], after: Mapping[LevelKey, LevelState], store: LedgerStore
    ) -> None:
        self._keys = [
            key
            for key, level in levels.items()
            if level.last_known_free is not None or (key in after and level.known > after[key].known)
        ]
        self._store = store
        self._before = store.free(self._keys) if self._keys else {}
        self._owed = store.owed(self._keys) if self._keys else {}

    def settle(self) -> None:
        """Lower the ceilings by what is less free than it was, and at least by what is promised since."""
        if not self._keys:
            return
        free, owed = self._store.free(self._keys), self._store.owed(self._keys)
        falls = {key: max(self._before[key] - free[key], owed[key] - self._owed[key]) for key in self._keys}
        self._store.lower_last_known({key: fall for key, fall in falls.items() if fall > 0})
