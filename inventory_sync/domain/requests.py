"""What may be asked of a reservation in each of its states, and what it becomes.

The rules for requests the hub may refuse. Every act is idempotent: what is done already is answered as it
stands, and so is the same version of the same content. Does not choose locations (routing.py) or say what an
order reported by its channel means (reservations.py).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto

from inventory_sync.domain.errors import (
    AlreadyCommitted,
    AwaitsReview,
    HoldExpired,
    OlderVersion,
    OtherContent,
    Refused,
    ReservationOver,
)
from inventory_sync.domain.reservations import LineStatus


class Act(StrEnum):
    """What a request asks."""

    RESERVE = "reserve"
    AMEND = "amend"
    COMMIT = "commit"
    RELEASE = "release"
    CANCEL = "cancel"
    EXTEND = "extend"
    APPROVE = "approve"

    @property
    def has_content(self) -> bool:
        """Say whether it carries a version with lines; the other acts only move what is there."""
        return self in (Act.RESERVE, Act.AMEND)


class Stage(Enum):
    """Where a whole reservation stands, from its lines."""

    HELD = auto()
    REVIEW = auto()  # held until somebody approves
    COMMITTED = auto()
    CLOSED = auto()  # delivered
    EXPIRED = auto()
    OVER = auto()  # released, cancelled or refused


class Verdict(Enum):
    """What happens to an act that is not refused."""

    DO = auto()
    REPEAT = auto()  # done already: answered as it stands


_COMMITTED = frozenset(
    {
        LineStatus.COMMITTED,
        LineStatus.ACKNOWLEDGED,
        LineStatus.PICKED,
        LineStatus.SHIPPED_AWAITING_BOOKS,
        LineStatus.BACKORDERED,
    }
)
_DO, _REPEAT = Verdict.DO, Verdict.REPEAT
_JUDGED: dict[Act, dict[Stage, Verdict | type[Refused]]] = {
    Act.COMMIT: {
        Stage.HELD: _DO,
        Stage.REVIEW: AwaitsReview,
        Stage.COMMITTED: _REPEAT,
        Stage.CLOSED: _REPEAT,
        Stage.EXPIRED: _DO,  # decided anew
        Stage.OVER: ReservationOver,
    },
    Act.RELEASE: {
        Stage.HELD: _DO,
        Stage.REVIEW: _DO,
        Stage.COMMITTED: AlreadyCommitted,
        Stage.CLOSED: AlreadyCommitted,
        Stage.EXPIRED: _REPEAT,
        Stage.OVER: _REPEAT,
    },
    Act.CANCEL: {
        Stage.HELD: _DO,
        Stage.REVIEW: _DO,
        Stage.COMMITTED: _DO,
        Stage.CLOSED: ReservationOver,
        Stage.EXPIRED: _DO,  # so that no later commit revives it
        Stage.OVER: _REPEAT,
    },
    Act.EXTEND: {
        Stage.HELD: _DO,
        Stage.REVIEW: _DO,
        Stage.COMMITTED: AlreadyCommitted,
        Stage.CLOSED: AlreadyCommitted,
        Stage.EXPIRED: HoldExpired,
        Stage.OVER: ReservationOver,
    },
    Act.APPROVE: {
        Stage.HELD: _REPEAT,  # approved before, or never in review
        Stage.REVIEW: _DO,
        Stage.COMMITTED: _REPEAT,
        Stage.CLOSED: _REPEAT,
        Stage.EXPIRED: HoldExpired,
        Stage.OVER: ReservationOver,
    },
}
_DETAILS: dict[type[Refused], str] = {
    AwaitsReview: "It is held for review: somebody has to approve it first.",
    AlreadyCommitted: "It is committed: cancel it instead.",
    HoldExpired: "The hold has ended; reserve again under a higher version.",
    ReservationOver: "It is over; reserve again under a higher version.",
}


def stage_of(statuses: Collection[LineStatus], *, review: bool) -> Stage:
    """Return where a reservation stands whose lines stand so."""
    if LineStatus.HELD in statuses:
        return Stage.REVIEW if review else Stage.HELD
    if not _COMMITTED.isdisjoint(statuses):
        return Stage.COMMITTED
    if LineStatus.CLOSED in statuses:
        return Stage.CLOSED
    return Stage.EXPIRED if LineStatus.EXPIRED in statuses else Stage.OVER


def judge(act: Act, stage: Stage) -> Verdict | Refused:
    """Return what happens to an act without content, or why it is refused."""
    judged = _JUDGED[act][stage]
    return judged if isinstance(judged, Verdict) else judged(_DETAILS[judged])


def judge_version(version: int, fingerprint: str, *, known: int, content: str) -> Verdict | Refused:
    """Return what happens to a version of some content beside the one that is known."""
    if version < known:
        return OlderVersion(f"Version {known} is known.")
    if version > known:
        return _DO
    if fingerprint == content:
        return _REPEAT
    return OtherContent(f"Version {version} is known with other content; send it under a higher one.")


def judge_amendment(stage: Stage) -> Verdict | Refused:
    """Return whether lines of a reservation in this stage may be changed; over is over."""
    if stage in (Stage.HELD, Stage.REVIEW, Stage.COMMITTED):
        return _DO
    kind = HoldExpired if stage is Stage.EXPIRED else ReservationOver
    return kind(_DETAILS[kind])


def hold_end(
    *,
    now: datetime,
    since: datetime,
    asked: timedelta | None,
    window: timedelta,
    before: datetime | None = None,
) -> datetime:
    """Return when a hold ends: as asked (None: as late as may be), in the window, never earlier than before.

    since: when it was first held; the window is counted from there, whoever extends it how often.
    """
    latest = since + window
    wanted = latest if asked is None else min(now + asked, latest)
    return wanted if before is None else max(wanted, before)


def line_status(before: LineStatus | None, *, held: bool, short: bool) -> LineStatus:
    """Return where a line stands that is promised; what fulfilment said of it stays."""
    if held:
        return LineStatus.HELD
    if before in (LineStatus.ACKNOWLEDGED, LineStatus.PICKED, LineStatus.SHIPPED_AWAITING_BOOKS):
        return before
    return LineStatus.BACKORDERED if short else LineStatus.COMMITTED
