"""Which of two versions of an order is the newer one, and when nobody can say.

A version has two dates: the source's stamp, and when it came in by the hub's own count of readings. The count
is proof: what came in before a reading by id began was there when it read, whatever the source's clock said.
The stamp is a hint that saves readings, for a clock can be set back. Where neither tells, the order is read.

Does not know lines or statuses (reservations.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Standing(IntEnum):
    """How one version of an order stands to another."""

    OLDER = -1
    SAME = 0
    NEWER = 1
    UNDECIDABLE = 2


@dataclass(frozen=True, slots=True)
class OrderVersion:
    """The source's modification stamp in whole seconds, and when it came in.

    reading: the number of the reading that showed it, which grows with every reading the hub begins; 0 for
    what the source sent unasked. Of a recorded order: the last reading by its id; lists do not count.
    begun: the last reading that had begun when it was stored; 0 if nobody noted it.
    """

    stamp: int
    reading: int = 0
    begun: int = 0

    @property
    def ended(self) -> int:
        """The number up to which a reading may have begun before this came in."""
        return max(self.reading, self.begun)

    def surely_before(self, recorded: OrderVersion) -> bool:
        """Say whether it came in before the last reading by id of a recorded order began."""
        return 0 < self.ended < recorded.reading

    def after(self, recorded: OrderVersion | None, *, listed: bool) -> OrderVersion:
        """Return the version to record once this one was applied: what is known of readings only advances."""
        if recorded is None:
            return OrderVersion(self.stamp, 0 if listed else self.reading, self.ended)
        reading = recorded.reading if listed else max(recorded.reading, self.reading)
        return OrderVersion(self.stamp, reading, max(recorded.ended, self.ended))


def standing(
    got: OrderVersion, have: OrderVersion, *, same_content: bool, listed: bool, set_back: bool
) -> Standing:
    """Say how a version that came in stands to the recorded one.

    Equal stamp and equal content are the same version, however often it is read. listed: shown by a list of
    orders, which may lag behind what a reading by id shows. set_back: the order's stamps are known to lie.
    """
    if got.stamp == have.stamp and same_content:
        return Standing.SAME
    if got.surely_before(have):
        return Standing.OLDER
    later = got.reading > have.ended
    if later and not listed:
        return Standing.NEWER
    if got.stamp == have.stamp:
        return Standing.NEWER if later else Standing.UNDECIDABLE
    if set_back:
        return Standing.UNDECIDABLE
    if got.stamp > have.stamp:
        # A reading that was overtaken may have seen less than what overtook it, whatever its stamp.
        return Standing.UNDECIDABLE if got.reading and not listed else Standing.NEWER
    # In a list begun later, an older stamp: the list lags behind, or the clock was set back.
    return Standing.UNDECIDABLE if later else Standing.OLDER
