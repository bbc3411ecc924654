"""Everything that can go wrong, sorted by what happens next.

SyncError
├─ Transient        retried by itself, by a run_at in the row; .retry_after_s
│    RateLimited, RemoteUnavailable, NotOurTurn
│    BudgetSpent, NotAnswering, OnHold                nothing was sent: we did not ask
│    OutcomeUnknown       the write may have landed: re-read, never resent blindly
├─ Parked           one line waits for a person, then replays by itself
│    UnmappedItem, UnmappedLocation, UnknownUnit, QuantityInexact, NotMappedThere, UnknownChannel
│    FutureReport, NotTheAuthority, WrongMode, ReadingContradicted, AttributeMissing, PeriodClosed
│    KeyReused, SequenceReused
│    Poisoned             failed or killed its worker several times
├─ Rejected         never retried, kept for reading
│    MalformedPayload     .field: NotFinite, NotExact, NegativeQuantity, NoZone
│    KitContainsItself, Unsupported, BeforeRecords
│    RemoteRefused        the other side refused this one line; .vendor_code .status
│    NotApplied           it said yes and changed nothing
│    CancelledThere, LeftOpen, NameTaken             of mirrored documents
│    CopyCancelledThere, CopyReadsOtherwise          of copies of orders
│    BadPolicyFile        .line: UnknownPolicyChannel, …Item, …Field, BadPolicyValue
├─ Refused          a request the hub may refuse; the caller may ask something else
│    NotEnough, UnknownItem, NoPool, OtherContent, OlderVersion, HoldExpired, ReservationOver
│    AlreadyCommitted, AwaitsReview, ChannelDecides, AllotmentTooLarge, AllotmentOver, CaseOver
│    NoReservation        nothing is known under this reference: NoChannel
├─ Misconfigured    the connection pauses, its owner is told
├─ SequenceMissing, KeyExpires                       a case and nothing else: somebody must see to it
├─ Unauthentic      refused at the door; body not kept
└─ FenceLost        another owner has taken over: roll back, say nothing

Each class has a stable `code`, shared by the API, logs, metrics, console and docs/errors.md.
Code decides on the branch of the tree, never on the text of a message.
"""

from __future__ import annotations

from typing import ClassVar


class SyncError(Exception):
    """Base of all; `detail` is one sentence a person can act on."""

    code: ClassVar[str] = "sync.error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class Transient(SyncError):
    """`retry_after_s` is the vendor's own wish or None."""

    code = "remote.transient"

    def __init__(self, detail: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class RateLimited(Transient):
    """The vendor asked for fewer calls."""

    code = "remote.rate_limited"


class RemoteUnavailable(Transient):
    """No answer, or an answer that proves the request was not carried out."""

    code = "remote.unavailable"


class NotOurTurn(Transient):
    """Somebody else reads these books just now, or took over while we did: what we read is not kept."""

    code = "reading.not_our_turn"


class BudgetSpent(Transient):
    """No call is left in the connection's budget for now; nothing was sent."""

    code = "budget.spent"


class NotAnswering(Transient):
    """The connection's breaker is open: it did not answer, and is asked again by one call at a time."""

    code = "connection.not_answering"


class OnHold(Transient):
    """Staff do not want the connection called just now: paused, drained, or in a maintenance window."""

    code = "connection.on_hold"


NOT_ASKED = (BudgetSpent, NotAnswering, OnHold)
"""No call was made: it says nothing of what was asked for, and counts as no failure of it."""


class OutcomeUnknown(Transient):
    """A write was sent and its answer is missing or unreadable: it may land now, later or never."""

    code = "remote.outcome_unknown"


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


class SequenceMissing(SyncError):
    """A number of a source has not come for long. Nothing waits; what came after it raises no figure."""

    code = "feed.number_missing"


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


class Rejected(SyncError):
    code = "line.rejected"


class MalformedPayload(Rejected):
    """`field` is the path of the offending field, or an empty string for the whole body."""

    code = "payload.malformed"

    def __init__(self, detail: str, *, field: str = "") -> None:
        super().__init__(detail)
        self.field = field


class NotFinite(MalformedPayload):
    code = "quantity.not_finite"


class NotExact(MalformedPayload):
    code = "quantity.not_exact"


class NegativeQuantity(MalformedPayload):
    code = "quantity.negative"


class NoZone(MalformedPayload):
    code = "time.without_zone"


class KitContainsItself(Rejected):
    code = "kit.contains_itself"


class Unsupported(Rejected):
    code = "payload.unsupported"


class RemoteRefused(Rejected):
    """`vendor_code` and `status` are the vendor's own words for it, empty when it had none."""

    code = "push.refused"

    def __init__(self, detail: str = "", *, vendor_code: str = "", status: int = 0) -> None:
        super().__init__(detail)
        self.vendor_code = vendor_code
        self.status = status


class NotApplied(Rejected):
    code = "push.not_applied"


class CopyCancelledThere(Rejected):
    """Never made again without a person asking for it."""

    code = "copy.cancelled_there"


class CopyReadsOtherwise(Rejected):
    code = "copy.reads_otherwise"


class CancelledThere(Rejected):
    code = "mirror.cancelled_there"


class LeftOpen(Rejected):
    code = "mirror.left_open"


class NameTaken(Rejected):
    """Two records of what was sent exist: a restored backup, or a copy of the database that runs as well."""

    code = "mirror.name_taken"


class BeforeRecords(Rejected):
    """Asked about an instant before anything was recorded of the item."""

    code = "explain.before_records"


class BadPolicyFile(Rejected):
    """`line` is the line of the file that is at fault, from 1; 0 for the file as a whole."""

    code = "policy.file_malformed"

    def __init__(self, detail: str, *, line: int = 0) -> None:
        super().__init__(f"Line {line}: {detail}" if line else detail)
        self.line = line


class UnknownPolicyChannel(BadPolicyFile):
    code = "policy.channel_unknown"


class UnknownPolicyItem(BadPolicyFile):
    code = "policy.item_unknown"


class UnknownPolicyField(BadPolicyFile):
    code = "policy.field_unknown"


class BadPolicyValue(BadPolicyFile):
    code = "policy.value_refused"


class Refused(SyncError):
    """Understood, and not done: the state of stock or of the reservation is against it."""

    code = "reservation.refused"


class NotEnough(Refused):
    code = "reservation.not_enough"


class UnknownItem(Refused):
    code = "reservation.item_unknown"


class NoPool(Refused):
    code = "reservation.no_location"


class OtherContent(Refused):
    code = "reservation.other_content"


class OlderVersion(Refused):
    code = "reservation.older_version"


class NoReservation(Refused):
    code = "reservation.unknown"


class NoChannel(NoReservation):
    code = "reservation.channel_unknown"


class HoldExpired(Refused):
    code = "reservation.expired"


class ReservationOver(Refused):
    code = "reservation.over"


class AlreadyCommitted(Refused):
    code = "reservation.committed"


class AwaitsReview(Refused):
    code = "reservation.in_review"


class ChannelDecides(Refused):
    code = "reservation.channel_decides"


class AllotmentTooLarge(Refused):
    code = "allotment.too_large"


class AllotmentOver(Refused):
    code = "allotment.over"


class CaseOver(Refused):
    """Somebody closed it, or a later run did, before this was asked."""

    code = "case.over"


class StillGathering(Refused):
    """What a held write would do is still being read: there is nothing yet to decide about."""

    code = "hold.still_gathering"


class DecidedAlready(Refused):
    """Somebody decided about a held write before, or its time is over."""

    code = "hold.decided_already"


class Misconfigured(SyncError):
    code = "connection.misconfigured"


class KeyExpires(SyncError):
    """A credential ends soon, or has. Nothing waits before it does; then its connection is refused."""

    code = "connection.key_expires"


class Unauthentic(SyncError):
    code = "hook.unauthentic"


class FenceLost(SyncError):
    code = "lease.lost"


def all_errors() -> list[type[SyncError]]:
    """Return every class of the tree, parents first; docs/errors.md is checked against it."""
    found: list[type[SyncError]] = [SyncError]
    for cls in found:
        found.extend(cls.__subclasses__())
    return found
