"""Every remedy by the kind of subject it is for. A kind that is not listed has none."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from inventory_sync.cases.models import Case
from inventory_sync.pipeline.remedies.deliveries import DeliveryRemedy, NameRemedy
from inventory_sync.pipeline.remedies.documents import (
    CopyRemedy,
    FollowRemedy,
    MirrorLevelRemedy,
    MirrorRemedy,
    ToldRemedy,
)
from inventory_sync.pipeline.remedies.pushes import PushRemedy
from inventory_sync.pipeline.remedies.running import (
    ConnectionRemedy,
    FeedRemedy,
    FigureRemedy,
    StreamRemedy,
)
from inventory_sync.pipeline.remedies.types import Remedy, Untried
from inventory_sync.pipeline.remedies.untried import (
    ChoreCase,
    CredentialCase,
    HoldCase,
    InvariantCase,
    KitCase,
    LevelCase,
    OrderCase,
    PickCase,
    ReceiptCase,
    ShipmentCase,
    TopicCase,
)

_EVERY: tuple[Remedy, ...] = (
    PushRemedy(),
    DeliveryRemedy(),
    NameRemedy(),
    CopyRemedy(),
    FollowRemedy(),
    ToldRemedy(),
    MirrorRemedy(),
    MirrorLevelRemedy(),
    ConnectionRemedy(),
    StreamRemedy(),
    FeedRemedy(),
    FigureRemedy(),
    LevelCase(),
    OrderCase(),
    ShipmentCase(),
    ReceiptCase(),
    PickCase(),
    KitCase(),
    CredentialCase(),
    InvariantCase(),
    TopicCase(),
    ChoreCase(),
    HoldCase(),
)
REMEDIES: Mapping[str, Remedy] = MappingProxyType({kind: each for each in _EVERY for kind in each.kinds})


class Unknown(Untried):
    """A kind of subject that a newer or an older version opened cases for."""

    kinds = ()
    why = "This version knows no retry for this kind of case: follow its runbook, then resolve it."

    def page_id(self, case: Case) -> int | None:
        return None


_UNKNOWN = Unknown()


def remedy_for(case: Case) -> Remedy:
    return REMEDIES.get(case.subject_kind, _UNKNOWN)
