"""Who owns a failure, and how soon somebody must look, by its code.

A row per code that can become a case; each has a page in docs/runbooks/ that says the same in its head (a
test compares them). A connection whose owner is not the default team is owned by its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

SUPPORT, STOCK, PLATFORM = "support", "stock", "platform"
LOW, NORMAL, URGENT = "low", "normal", "urgent"
RANK: Final = MappingProxyType({LOW: 0, NORMAL: 1, URGENT: 2})


@dataclass(frozen=True, slots=True)
class Owner:
    """support: mappings, connections, vendors' refusals. stock: goods and counts. platform: our faults."""

    team: str = SUPPORT
    severity: str = NORMAL


OWNERS: Final = MappingProxyType(
    {
        "availability.failed": Owner(PLATFORM, URGENT),
        "channel.unknown": Owner(),
        "connection.key_expires": Owner(),
        "connection.misconfigured": Owner(severity=URGENT),
        "connection.not_answering": Owner(severity=URGENT),
        "copy.cancelled_there": Owner(),
        "copy.not_mapped": Owner(),
        "copy.reads_otherwise": Owner(),
        "delivery.poisoned": Owner(PLATFORM, URGENT),
        "event.key_reused": Owner(),
        "feed.number_missing": Owner(),
        "goods.receipt_discrepancy": Owner(STOCK),
        "house.failed": Owner(PLATFORM, URGENT),
        "kit.contains_itself": Owner(),
        "line.parked": Owner(),
        "line.rejected": Owner(),
        "mapping.item_unknown": Owner(),
        "mapping.location_unknown": Owner(),
        "mapping.quantity_inexact": Owner(),
        "mapping.unit_unknown": Owner(),
        "mirror.cancelled_there": Owner(),
        "mirror.left_open": Owner(),
        "mirror.name_taken": Owner(severity=URGENT),
        "mirror.stuck": Owner(),
        "order.closed_short": Owner(),
        "order.not_followed": Owner(PLATFORM),
        "payload.malformed": Owner(),
        "payload.unsupported": Owner(severity=LOW),
        "period.closed": Owner(STOCK, LOW),
        "pick.short": Owner(STOCK),
        "push.held_blast_radius": Owner(severity=URGENT),
        "push.held_first_sync": Owner(severity=URGENT),
        "push.not_applied": Owner(),
        "push.refused": Owner(),
        "push.stuck": Owner(severity=URGENT),
        "quantity.negative": Owner(),
        "quantity.not_exact": Owner(),
        "quantity.not_finite": Owner(),
        "recipe.not_applied": Owner(),
        "report.attribute_missing": Owner(),
        "report.contradicted": Owner(),
        "report.from_the_future": Owner(),
        "report.not_the_authority": Owner(),
        "report.sequence_reused": Owner(),
        "report.wrong_mode": Owner(),
        "shipment.odd": Owner(STOCK),
        "stream.page_skipped": Owner(),
        "sync.error": Owner(PLATFORM),
        "telling.failed": Owner(PLATFORM, URGENT),
        "time.without_zone": Owner(),
    }
)
INVARIANTS: Final = Owner(PLATFORM, URGENT)
UNLISTED: Final = Owner(PLATFORM)


def owner_of(code: str) -> Owner:
    """Return who owns cases of a code; one that nobody listed is ours to look at."""
    if code.startswith("invariant."):
        return INVARIANTS
    return OWNERS.get(code, UNLISTED)


def team_of(code: str, *, of_connection: str = "") -> str:
    """Return the team of a code's cases; the connection's own wins where it has one of its own."""
    return of_connection if of_connection not in ("", SUPPORT) else owner_of(code).team


def is_worse(severity: str, than: str) -> bool:
    return RANK[severity] > RANK[than]
