"""Count one day: what was shown, what was sold, what was not covered, and whether every invariant holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from inventory_sync.connections.models import Connection
from inventory_sync.domain.reports import plain
from inventory_sync.ledger.sales import Sale, digest_of, lines_by_state, sales_between
from inventory_sync.pipeline.evidence.oversells import Kind, Oversell, oversells
from inventory_sync.pipeline.invariants.look import Result
from inventory_sync.propagation.history import written_between

FORMAT = 1
LISTED = 500


def day_of(day: date) -> tuple[datetime, datetime]:
    """Return the span of a day, in UTC."""
    since = datetime.combine(day, time(), tzinfo=UTC)
    return since, since + timedelta(days=1)


def gather(day: date, *, checked: Sequence[Result], now: datetime, software: str) -> dict[str, Any]:
    """Return the content of a day's evidence, without its place in the chain. Quantities are text."""
    since, until = day_of(day)
    sales = sales_between(since, until)
    found = oversells(sales)
    digest = digest_of(since, until)
    return {
        "format": FORMAT,
        "day": day.isoformat(),
        "since": since.isoformat(),
        "until": until.isoformat(),
        "made_at": now.isoformat(),
        "software": software,
        "channels": _channels(since, until, sales, found),
        "total": _counted(sales, found),
        "oversells": [_told(each) for each in found[:LISTED]],
        "oversells_not_listed": max(0, len(found) - LISTED),
        "invariants": {
            "hold": all(each.holds for each in checked),
            "checked": [
                {
                    "name": each.check.name,
                    "violations": len(each.violations),
                    "owned": len(each.owned),
                    "first": each.violations[0].summary if each.violations else "",
                }
                for each in checked
            ],
        },
        "ledger": {"movements": digest.movements, "sha256": digest.sha256},
    }


def _channels(
    since: datetime, until: datetime, sales: Sequence[Sale], found: Sequence[Oversell]
) -> dict[str, dict[str, Any]]:
    """Return the counts of every connection that sells, in the order of codes."""
    codes = set(Connection.objects.filter(sells=True).values_list("code", flat=True))
    codes |= {sale.connection for sale in sales}
    pushed = {each.channel: each for each in written_between(since, until)}
    ends = lines_by_state(since, until)
    channels = {}
    for code in sorted(codes):
        own = [sale for sale in sales if sale.connection == code]
        written = pushed.get(code)
        channels[code] = {
            "figures_published": written.figures if written else 0,
            "pushes_read_back": written.settled if written else 0,
            "pushes_failed": written.failed if written else 0,
            **_counted(own, [each for each in found if each.sale.connection == code]),
            "lines_refused": ends.get((code, "rejected"), 0),
            "lines_backordered": ends.get((code, "backordered"), 0),
            "lines_cancelled": ends.get((code, "cancelled"), 0),
            "lines_expired": ends.get((code, "expired"), 0),
        }
    return channels


def _counted(sales: Sequence[Sale], found: Sequence[Oversell]) -> dict[str, Any]:
    kinds = Counter(each.kind for each in found)
    return {
        "orders_taken": len({sale.order_id for sale in sales}),
        "lines_taken": len(sales),
        "kits_taken": sum(sale.is_kit for sale in sales),
        "lines_not_covered": len(found),
        "oversells": {kind.value: kinds[kind] for kind in Kind},
        "recorded_below_zero": sum(each.below_zero for each in found),
    }


def _told(each: Oversell) -> dict[str, Any]:
    return {
        "kind": each.kind.value,
        "channel": each.sale.connection,
        "order": each.sale.order,
        "line": each.sale.line,
        "sku": each.sale.sku,
        "recorded_at": each.sale.at.isoformat(),
        "sold": plain(each.sale.quantity),
        "components": {sku: plain(quantity) for sku, quantity in sorted(each.components.items())},
        "covered": None if each.covered is None else plain(each.covered),
        "told": None if each.told is None else plain(each.told),
        "below_zero": each.below_zero,
    }
