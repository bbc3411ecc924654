"""How far each store of a till was read, and which numbers below that are still missing: the sweep's cursor.

A till may show a number later than its successors. Reading goes on past it, and every later sweep asks for it
again until it is there or was missing for a day. Does no reading itself (client).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from inventory_sync.domain.errors import Unsupported

GIVE_UP_AFTER = timedelta(hours=24)
MOST_MISSING = 200


@dataclass(frozen=True, slots=True)
class Progress:
    """`after`: last number read, by store. `todo`: the stores this sweep has yet to finish.

    `missing`: by store, the numbers not seen below that and when (unix seconds) each was first missed.
    `looked`: up to where this sweep asked for the missing numbers of the store it is at.
    `begins`: by store, the number its first page began with. What lies below was before our time: it is asked
    for like any other, for it may only be late, but nobody is told that it is missing.
    """

    after: Mapping[str, int] = field(default_factory=dict)
    todo: tuple[str, ...] = ()
    missing: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    looked: int = 0
    begins: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, text: str) -> Progress:
        """Return what `dump` wrote, or an older version that knew no missing numbers; raises Unsupported."""
        if not text:
            return cls()
        try:
            after, todo, *more = json.loads(text)
            missing, looked, begins = (*more, {})[:3] if more else ({}, 0, {})
            return cls(
                {str(store): int(sequence) for store, sequence in after.items()},
                tuple(str(store) for store in todo),
                {
                    str(store): {int(number): int(since) for number, since in numbers.items()}
                    for store, numbers in missing.items()
                },
                int(looked),
                {str(store): int(number) for store, number in begins.items()},
            )
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Unsupported("This is no cursor of a till sweep.") from error

    def dump(self) -> str:
        return json.dumps(
            [self.after, self.todo, self.missing, self.looked, self.begins], separators=(",", ":")
        )

    def wanted(self, store: str) -> list[int]:
        """Return the missing numbers this sweep has yet to ask for, lowest first."""
        return sorted(number for number in self.missing.get(store, ()) if number > self.looked)

    def gaps(self, store: str) -> list[int]:
        """Return the numbers missing between the first one read and the last."""
        begin = self.begins.get(store, 0)
        return sorted(number for number in self.missing.get(store, ()) if number > begin)

    def asked(self, store: str, seen: Collection[int], *, up_to: int, now: datetime) -> Progress:
        """Return what is known after asking for numbers up to `up_to`; those missed for long are given up."""
        too_old = int((now - GIVE_UP_AFTER).timestamp())
        left = {
            number: since
            for number, since in self.missing.get(store, {}).items()
            if number not in seen and (number <= self.looked or number > up_to or since > too_old)
        }
        return replace(self, missing=_with(self.missing, store, left), looked=up_to)

    def read(self, store: str, seen: Collection[int], *, up_to: int, more: bool, now: datetime) -> Progress:
        """Return what is known after a page that ends at `up_to`; numbers it left out are missing."""
        since = int(now.timestamp())
        missing = dict(self.missing.get(store, {}))
        new = 0
        for number in range(up_to, self.after.get(store, 0), -1):
            if new == MOST_MISSING:
                break
            if number not in seen:
                missing[number] = since
                new += 1
        kept = {number: missing[number] for number in sorted(missing)[-MOST_MISSING:]}
        begins = dict(self.begins)
        if seen and store not in self.after:
            begins[store] = min(seen)
        return replace(
            self,
            begins=begins,
            after={**self.after, store: up_to},
            todo=self.todo if more else self.todo[1:],
            missing=_with(self.missing, store, kept),
            looked=up_to if more else 0,
        )


def _with(
    missing: Mapping[str, Mapping[int, int]], store: str, numbers: Mapping[int, int]
) -> dict[str, Mapping[int, int]]:
    """Return the missing numbers with those of one store replaced; a store without any has no entry."""
    others = {name: kept for name, kept in missing.items() if name != store}
    return {**others, store: numbers} if numbers else others
