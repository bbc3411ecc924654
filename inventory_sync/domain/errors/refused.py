"""Refused: a request the hub may refuse; the caller may ask something else."""

from __future__ import annotations

from inventory_sync.domain.errors.base import SyncError


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


class EditedMeanwhile(Refused):
    """A message is being applied, or somebody edited it, after it was shown to be edited."""

    code = "delivery.edited_meanwhile"


class StillGathering(Refused):
    """What a held write would do is still being read: there is nothing yet to decide about."""

    code = "hold.still_gathering"


class DecidedAlready(Refused):
    """Somebody decided about a held write before, or its time is over."""

    code = "hold.decided_already"
