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
│    EditedMeanwhile
│    NoReservation        nothing is known under this reference: NoChannel
├─ Misconfigured    the connection pauses, its owner is told
├─ SequenceMissing, KeyExpires                       a case and nothing else: somebody must see to it
├─ Unauthentic      refused at the door; body not kept
└─ FenceLost        another owner has taken over: roll back, say nothing

Each class has a stable `code`, shared by the API, logs, metrics, console and docs/errors.md.
Code decides on the branch of the tree, never on the text of a message.
"""

from __future__ import annotations

from inventory_sync.domain.errors.base import FenceLost as FenceLost
from inventory_sync.domain.errors.base import KeyExpires as KeyExpires
from inventory_sync.domain.errors.base import Misconfigured as Misconfigured
from inventory_sync.domain.errors.base import SequenceMissing as SequenceMissing
from inventory_sync.domain.errors.base import SyncError as SyncError
from inventory_sync.domain.errors.base import Unauthentic as Unauthentic
from inventory_sync.domain.errors.parked import AttributeMissing as AttributeMissing
from inventory_sync.domain.errors.parked import FutureReport as FutureReport
from inventory_sync.domain.errors.parked import KeyReused as KeyReused
from inventory_sync.domain.errors.parked import NotMappedThere as NotMappedThere
from inventory_sync.domain.errors.parked import NotTheAuthority as NotTheAuthority
from inventory_sync.domain.errors.parked import Parked as Parked
from inventory_sync.domain.errors.parked import PeriodClosed as PeriodClosed
from inventory_sync.domain.errors.parked import Poisoned as Poisoned
from inventory_sync.domain.errors.parked import QuantityInexact as QuantityInexact
from inventory_sync.domain.errors.parked import ReadingContradicted as ReadingContradicted
from inventory_sync.domain.errors.parked import SequenceReused as SequenceReused
from inventory_sync.domain.errors.parked import UnknownChannel as UnknownChannel
from inventory_sync.domain.errors.parked import UnknownUnit as UnknownUnit
from inventory_sync.domain.errors.parked import UnmappedItem as UnmappedItem
from inventory_sync.domain.errors.parked import UnmappedLocation as UnmappedLocation
from inventory_sync.domain.errors.parked import WrongMode as WrongMode
from inventory_sync.domain.errors.refused import AllotmentOver as AllotmentOver
from inventory_sync.domain.errors.refused import AllotmentTooLarge as AllotmentTooLarge
from inventory_sync.domain.errors.refused import AlreadyCommitted as AlreadyCommitted
from inventory_sync.domain.errors.refused import AwaitsReview as AwaitsReview
from inventory_sync.domain.errors.refused import CaseOver as CaseOver
from inventory_sync.domain.errors.refused import ChannelDecides as ChannelDecides
from inventory_sync.domain.errors.refused import DecidedAlready as DecidedAlready
from inventory_sync.domain.errors.refused import EditedMeanwhile as EditedMeanwhile
from inventory_sync.domain.errors.refused import HoldExpired as HoldExpired
from inventory_sync.domain.errors.refused import NoChannel as NoChannel
from inventory_sync.domain.errors.refused import NoPool as NoPool
from inventory_sync.domain.errors.refused import NoReservation as NoReservation
from inventory_sync.domain.errors.refused import NotEnough as NotEnough
from inventory_sync.domain.errors.refused import OlderVersion as OlderVersion
from inventory_sync.domain.errors.refused import OtherContent as OtherContent
from inventory_sync.domain.errors.refused import Refused as Refused
from inventory_sync.domain.errors.refused import ReservationOver as ReservationOver
from inventory_sync.domain.errors.refused import StillGathering as StillGathering
from inventory_sync.domain.errors.refused import UnknownItem as UnknownItem
from inventory_sync.domain.errors.rejected import BadPolicyFile as BadPolicyFile
from inventory_sync.domain.errors.rejected import BadPolicyValue as BadPolicyValue
from inventory_sync.domain.errors.rejected import BeforeRecords as BeforeRecords
from inventory_sync.domain.errors.rejected import CancelledThere as CancelledThere
from inventory_sync.domain.errors.rejected import CopyCancelledThere as CopyCancelledThere
from inventory_sync.domain.errors.rejected import CopyReadsOtherwise as CopyReadsOtherwise
from inventory_sync.domain.errors.rejected import KitContainsItself as KitContainsItself
from inventory_sync.domain.errors.rejected import LeftOpen as LeftOpen
from inventory_sync.domain.errors.rejected import MalformedPayload as MalformedPayload
from inventory_sync.domain.errors.rejected import NameTaken as NameTaken
from inventory_sync.domain.errors.rejected import NegativeQuantity as NegativeQuantity
from inventory_sync.domain.errors.rejected import NotApplied as NotApplied
from inventory_sync.domain.errors.rejected import NotExact as NotExact
from inventory_sync.domain.errors.rejected import NotFinite as NotFinite
from inventory_sync.domain.errors.rejected import NoZone as NoZone
from inventory_sync.domain.errors.rejected import Rejected as Rejected
from inventory_sync.domain.errors.rejected import RemoteRefused as RemoteRefused
from inventory_sync.domain.errors.rejected import UnknownPolicyChannel as UnknownPolicyChannel
from inventory_sync.domain.errors.rejected import UnknownPolicyField as UnknownPolicyField
from inventory_sync.domain.errors.rejected import UnknownPolicyItem as UnknownPolicyItem
from inventory_sync.domain.errors.rejected import Unsupported as Unsupported
from inventory_sync.domain.errors.transient import NOT_ASKED as NOT_ASKED
from inventory_sync.domain.errors.transient import BudgetSpent as BudgetSpent
from inventory_sync.domain.errors.transient import NotAnswering as NotAnswering
from inventory_sync.domain.errors.transient import NotOurTurn as NotOurTurn
from inventory_sync.domain.errors.transient import OnHold as OnHold
from inventory_sync.domain.errors.transient import OutcomeUnknown as OutcomeUnknown
from inventory_sync.domain.errors.transient import RateLimited as RateLimited
from inventory_sync.domain.errors.transient import RemoteUnavailable as RemoteUnavailable
from inventory_sync.domain.errors.transient import Transient as Transient


def all_errors() -> list[type[SyncError]]:
    """Return every class of the tree, parents first; docs/errors.md is checked against it."""
    found: list[type[SyncError]] = [SyncError]
    for cls in found:
        found.extend(cls.__subclasses__())
    return found
