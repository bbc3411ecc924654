"""The control room: one sentence on how it stands, then what waits where, and for how long. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from inventory_sync.audit.models import Entry
from inventory_sync.connections.expiry import calendar
from inventory_sync.connections.models import Connection
from inventory_sync.console.control import tables
from inventory_sync.console.debts import Debt, debts
from inventory_sync.console.deeds import many
from inventory_sync.console.formats import age
from inventory_sync.console.waiting import waiting_ids
from inventory_sync.ledger.models import DirtyItem
from inventory_sync.pipeline.gauges import Look
from inventory_sync.pipeline.gauges.flow import Lane
from inventory_sync.propagation.models import Listing
from inventory_sync.support.clock import utc_now

LATE = timedelta(minutes=2)
SILENT = timedelta(seconds=30)
DEAF = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Tile:
    label: str
    figure: str
    sub: str
    link: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits at one step: how many, and since when the oldest does."""

    name: str
    count: int
    oldest: datetime | None

    def is_late(self, now: datetime) -> bool:
        return self.oldest is not None and now - self.oldest > LATE


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fill the admin's first page."""
    context.update(control_room(now=utc_now()))
    return context


def control_room(*, now: datetime) -> dict[str, Any]:
    """Return all the page shows, computed from the rows that state the debts."""
    look = Look(now)
    pending, channels, owed = _pending(look), _channels(look), debts()
    parked: dict[str, Any] = {
        "count": sum(each.count for each in look.parked),
        "oldest": min((each.oldest for each in look.parked), default=None),
    }
    failed = sum(states.get(Listing.State.FAILED, 0) for states in look.listings.values())
    rejected = sum(tier.rejected for tier in look.tiers)
    cases = sum(each.count for each in look.cases)
    signs = _signs(look)
    troubles = _troubles(pending, channels, owed, signs, failed=failed, cases=cases, now=now)
    return {
        "status": _sentence(troubles, int(parked["count"])),
        "status_tone": "bad" if troubles else "wait" if parked["count"] else "good",
        "troubles": troubles,
        "tiles": _tiles(pending, channels, parked, failed=failed, rejected=rejected, cases=cases, now=now),
        **tables(look),
        "debts": [
            {
                "name": f"{debt.connection.label}: {debt.what}",
                "state": debt.connection.get_state_display(),
                "owed": debt.count,
                "age": age(debt.oldest, now=now),
                "late": now - debt.oldest > LATE,
                "link": debt.link,
            }
            for debt in owed
        ],
        "hooks": _webhook_loss(look),
        "ends": calendar(today=now.date()),
        "signs": signs,
        "queues": look.watch.queues,
        "named": look.watch.named,
        "waiting_ids": waiting_ids(most=6),
        "dirty": DirtyItem.objects.count(),
        "entries": Entry.objects.all()[:6],
        "flower_url": settings.FLOWER_URL,
    }


def _pending(look: Look) -> list[Backlog]:
    return [Backlog(tier.name, tier.waiting, tier.oldest) for tier in look.tiers]


def _channels(look: Look) -> list[tuple[Lane, Backlog]]:
    return [(lane, Backlog(lane.label, lane.owed, lane.oldest)) for lane in look.lanes]


def _webhook_loss(look: Look) -> list[dict[str, Any]]:
    """Return one row per connection, its streams together."""
    found: dict[int, dict[str, Any]] = {}
    for source in look.sources:
        link = reverse("admin:connections_connection_change", args=[source.connection_id])
        row = found.setdefault(
            source.connection_id, {"name": source.label, "reads": 0, "finds": 0, "at": None, "link": link}
        )
        row["reads"] += source.reads
        row["finds"] += source.finds
        row["at"] = max(filter(None, (row["at"], source.swept_at)), default=None)
    rows = sorted(found.values(), key=lambda row: str(row["name"]))
    return [{**row, "swept": age(row["at"], now=look.now)} for row in rows]


def _signs(look: Look) -> list[dict[str, Any]]:
    """Return the signs of life: a queue is deaf when its canary has not sung for long."""
    deaf, found = look.watch.deaf, []
    for sign in look.signs:
        queue = sign.name.removeprefix("canary:")
        patience = SILENT if sign.name == "dispatcher" else DEAF
        alive = look.now - sign.at <= patience and queue not in deaf
        note = "works alone: the broker is away" if sign.detail.get("broker") is False else ""
        if sign.detail.get("deaf"):
            note = f"works for {many(sign.detail['deaf'], 'queue')} nobody heeds"
        name = sign.name.replace("canary:", "workers of ")
        found.append({"name": name, "age": age(sign.at, now=look.now), "alive": alive, "note": note})
    return found


def _troubles(
    pending: Sequence[Backlog],
    channels: Sequence[tuple[Lane, Backlog]],
    owed: Sequence[Debt],
    signs: Sequence[dict[str, Any]],
    *,
    failed: int,
    cases: int,
    now: datetime,
) -> list[str]:
    """Return what is wrong, the worst first; a retry under way is no trouble."""
    troubles = [f"{sign['name']} gave no sign for {sign['age']}" for sign in signs if not sign["alive"]]
    troubles += [
        f"{row.name} deliveries wait for {age(row.oldest, now=now)}" for row in pending if row.is_late(now)
    ]
    troubles += [
        f"{lane.label} is behind by {age(backlog.oldest, now=now)}"
        for lane, backlog in channels
        if backlog.is_late(now) and lane.state == Connection.State.ACTIVE
    ]
    troubles += [
        f"{debt.what} for {debt.connection.label} wait for {age(debt.oldest, now=now)}"
        for debt in owed
        if now - debt.oldest > LATE and debt.connection.state == Connection.State.ACTIVE
    ]
    troubles += [
        f"{row.label} is {'paused' if row.state == Connection.State.PAUSED else 'misconfigured'}"
        for row in Connection.objects.exclude(state=Connection.State.ACTIVE)
    ]
    if failed:
        troubles.append(f"{many(failed, 'push', 'pushes')} failed")
    if cases:
        troubles.append(f"{many(cases, 'case')} open")
    return troubles


def _sentence(troubles: Sequence[str], parked: int) -> str:
    waits = f"{many(parked, 'line waits', 'lines wait')} for a person" if parked else ""
    if troubles:
        said = "; ".join([*troubles[:4], *([waits] if waits else [])])
        return f"{said[0].upper()}{said[1:]}."
    if waits:
        return f"Everything flows; {waits}."
    return "Everything flows: nothing is late, nothing waits for a person."


def _tiles(
    pending: Sequence[Backlog],
    channels: Sequence[tuple[Lane, Backlog]],
    parked: dict[str, Any],
    *,
    failed: int,
    rejected: int,
    cases: int,
    now: datetime,
) -> list[Tile]:
    deliveries = reverse("admin:intake_delivery_changelist")
    listings = reverse("admin:propagation_listing_changelist")
    waiting = _together([row for row in pending if row.count])
    owed = _together([backlog for _, backlog in channels if backlog.count])
    return [
        Tile(
            "Deliveries to be applied",
            str(waiting.count),
            f"oldest {age(waiting.oldest, now=now)}" if waiting.count else "none waits",
            f"{deliveries}?state__exact=pending",
            "bad" if waiting.is_late(now) else "",
        ),
        Tile(
            "Figures owed",
            str(owed.count),
            f"oldest {age(owed.oldest, now=now)}" if owed.oldest else "every channel is settled",
            f"{listings}?state__exact=owed",
            "bad" if owed.is_late(now) else "",
        ),
        Tile(
            "Parked lines",
            str(parked["count"]),
            f"oldest {age(parked['oldest'], now=now)}" if parked["count"] else "nothing waits for a person",
            f"{reverse('admin:intake_parkedline_changelist')}?waiting=open",
            "wait" if parked["count"] else "",
        ),
        Tile(
            "Failed pushes",
            str(failed),
            "retry shows first what would be sent" if failed else "none",
            f"{listings}?state__exact=failed",
            "bad" if failed else "",
        ),
        Tile(
            "Rejected deliveries",
            str(rejected),
            "kept for reading" if rejected else "none",
            f"{deliveries}?state__exact=rejected",
            "wait" if rejected else "",
        ),
        Tile(
            "Open cases",
            str(cases),
            "each has an owner" if cases else "none",
            f"{reverse('admin:cases_case_changelist')}?state__exact=open",
            "bad" if cases else "",
        ),
    ]


def _together(rows: Sequence[Backlog]) -> Backlog:
    oldest = min((row.oldest for row in rows if row.oldest is not None), default=None)
    return Backlog("", sum(row.count for row in rows), oldest)
