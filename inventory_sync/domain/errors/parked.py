"""Parked: one line waits for a person, then replays by itself."""

from __future__ import annotations

from inventory_sync.domain.errors.base import SyncError


class Parked(SyncError):
    """`waits_on` names what a person must provide, e.g. ``item:4021``; its appearance replays the line."""

    code = "line.parked"

    def __init__(self, detail: str = "", *, waits_on: str = "") -> None:
        super().__init__(detail)
        self.waits_on = waits_on


class UnmappedItem(Parked):
    code = "mapping.item_unknown"

    def __init__(self, external_id: str, *, label: str = "") -> None:
        super().__init__(
            f"No item is mapped to the external id {external_id!r}{f' ({label})' if label else ''}.",
            waits_on=f"item:{external_id}",
        )
        self.external_id = external_id


class UnmappedLocation(Parked):
    code = "mapping.location_unknown"

    def __init__(self, external_id: str) -> None:
        super().__init__(
            f"No location is mapped to the external id {external_id!r}.", waits_on=f"location:{external_id}"
        )
        self.external_id = external_id


class UnknownUnit(Parked):
    code = "mapping.unit_unknown"

    def __init__(self, unit: str, item: str) -> None:
        super().__init__(f"Unit {unit!r} has no factor for item {item!r}.", waits_on=f"unit:{item}:{unit}")


class QuantityInexact(Parked):
    """Stock is never rounded: the mapping's factor or the report is wrong."""

    code = "mapping.quantity_inexact"

    def __init__(self, quantity: object, external_id: str) -> None:
        super().__init__(
            f"{quantity} of {external_id!r} has no exact value in base units.", waits_on=f"item:{external_id}"
        )
        self.external_id = external_id


class FutureReport(Parked):
    """Dated later than the hub's clock allows: counted now it would absorb true movements."""

    code = "report.from_the_future"


class NotTheAuthority(Parked):
    code = "report.not_the_authority"


class WrongMode(Parked):
    """A count for a location that is kept by book figures, or the reverse."""

    code = "report.wrong_mode"


class ReadingContradicted(Parked):
    """One reading of the authority's books says one thing; the first stands, and what it says is in doubt."""

    code = "report.contradicted"


class KeyReused(Parked):
    """What was posted under the key stands; the other statement is kept for a person to compare."""

    code = "event.key_reused"


class SequenceReused(Parked):
    """The source numbers its events; the same number for two of them means that one of them is lost."""

    code = "report.sequence_reused"


class AttributeMissing(Parked):
    code = "report.attribute_missing"


class PeriodClosed(Parked):
    """Waits for the period to be opened again."""

    code = "period.closed"


class NotMappedThere(Parked):
    """What the hub wants another system to have, it cannot name there."""

    code = "copy.not_mapped"


class UnknownChannel(Parked):
    code = "channel.unknown"

    def __init__(self, channel: str) -> None:
        super().__init__(f"No connection is called {channel!r}.", waits_on=f"channel:{channel}")


class Poisoned(Parked):
    """Processing this delivery failed or killed its worker several times."""

    code = "delivery.poisoned"
