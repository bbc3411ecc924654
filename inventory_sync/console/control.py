"""The control room's tables, in words: how each tier, lane, team and queue stands. Reads through gauges.

The sentence at the top and the tiles are dashboard.py's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.urls import reverse

from inventory_sync.connections.ladder import Rung
from inventory_sync.console.charts import bars, meter, spark
from inventory_sync.console.formats import age, span
from inventory_sync.console.lists import late_listings, refused_requests, returns_left
from inventory_sync.domain.freshness import Objective
from inventory_sync.ledger.models import Expectation, Reservation
from inventory_sync.pipeline.gauges import Look
from inventory_sync.pipeline.gauges.flow import Pace
from inventory_sync.pipeline.gauges.fresh import Allowance
from inventory_sync.propagation.models import Listing

SHOWN_MOST = 1000  # a list longer than this is told as "more than"


def tables(look: Look) -> dict[str, Any]:
    """Return what the tables of the page show."""
    return {
        "tiers": _tiers(look),
        "lanes": _lanes(look),
        "freshness": [_allowance(each, look) for each in look.allowances],
        "teams": _teams(look),
        "lists": _lists(),
        "runs": look.runs,
        "requests": look.requests,
        "as_of": look.now,
    }


def _tiers(look: Look) -> list[dict[str, Any]]:
    page = reverse("admin:intake_delivery_changelist")
    return [
        {
            "name": tier.name,
            "target": _target(tier.objective),
            "waiting": tier.waiting,
            "age": age(tier.oldest, now=look.now),
            "late": look.age_s(tier.oldest) > tier.objective.within_s,
            "comes": _rate(tier.pace.comes),
            "goes": _rate(tier.pace.goes),
            "clears": _clears(tier.pace, tier.waiting),
            "chart": spark(tier.history, words=f"Waiting on {tier.name} in the last hour"),
            "link": f"{page}?state__exact=pending&tier__exact={tier.name}",
            "parked": tier.parked,
            "parked_link": f"{page}?state__exact=parked&tier__exact={tier.name}",
            "rejected": tier.rejected,
            "rejected_link": f"{page}?state__exact=rejected&tier__exact={tier.name}",
        }
        for tier in look.tiers
    ]


def _lanes(look: Look) -> list[dict[str, Any]]:
    page, own = reverse("admin:propagation_listing_changelist"), "admin:connections_connection_change"
    critical, standard = look.objectives["critical"], look.objectives["standard"]
    calls = {each.id: each for each in look.calls}
    stands = {each.connection.pk: each for each in look.ladder}
    found = []
    for lane in look.lanes:
        call, stand = calls[lane.id], stands[lane.id]
        used = 1 - call.tokens / call.burst if call.tokens is not None and call.burst else 0.0
        eased = f", eased to {call.eased:.0%}" if call.eased is not None and call.eased < 1 else ""
        found.append(
            {
                "name": lane.label,
                "own": reverse(own, args=[lane.id]),
                "rung": stand.rung.name.lower().replace("_", " "),
                "sentence": stand.sentence,
                "well": stand.rung is Rung.LIVE,
                "owed": lane.owed,
                "urgent": lane.urgent,
                "age": age(lane.oldest, now=look.now),
                "late": look.age_s(lane.oldest) > standard.within_s
                or look.age_s(lane.oldest_urgent) > critical.within_s,
                "comes": _rate(lane.pace.comes),
                "goes": _rate(lane.pace.goes),
                "clears": _clears(lane.pace, lane.owed),
                "chart": spark(lane.history, words=f"Owed to {lane.label} in the last hour"),
                "bound": _bound(look.bounds.get(lane.code, {})),
                "breaker": call.breaker.replace("_", "-"),
                "budget": meter(used, words=f"{used:.0%} of the budget is used{eased}"),
                "rate": f"{call.rate_per_s:g}/s{eased}" if call.rate_per_s is not None else "—",
                "link": f"{page}?state__exact=owed&connection__id__exact={lane.id}",
            }
        )
    return found


def _allowance(each: Allowance, look: Look) -> dict[str, Any]:
    slots = [slot for slot in look.slots if slot.tier == each.objective.tier]
    ages = [(f"{slot.at:%H:%M}: {_seconds(slot.within(0.99))}", slot.within(0.99)) for slot in slots]
    return {
        "tier": each.objective.tier,
        "target": _target(each.objective),
        "figures": each.figures,
        "late": each.late,
        "p50": _seconds(each.p50_s),
        "p99": _seconds(each.p99_s),
        "spent": f"{each.spent:.0%}",
        "meter": meter(each.spent, words=f"{each.spent:.0%} of the lateness allowed in 28 days is spent"),
        "burn": f"{each.burn_1h:.1f}× · {each.burn_6h:.1f}×",
        "burning": each.burn_1h > 14.4 and each.burn_6h > 6 and look.late_slots[each.objective.tier] > 2,
        "chart": bars(
            ages,
            limit=each.objective.within_s,
            words=f"99 % of {each.objective.tier} figures, per ten minutes",
        ),
    }


def _teams(look: Look) -> list[dict[str, Any]]:
    """Return the open cases by the team that owns them."""
    page = reverse("admin:cases_case_changelist")
    found: dict[str, dict[str, Any]] = defaultdict(lambda: defaultdict(int))
    for case in look.cases:
        team = found[case.team]
        team["cases"] += case.count
        team[case.severity] += case.count
        team["unseen"] += case.count - case.acknowledged
        team["oldest"] = min(team["oldest"] or case.oldest, case.oldest)
    return [
        {
            "name": name,
            **team,
            "urgent": team["urgent"],
            "age": age(team["oldest"], now=look.now),
            "link": f"{page}?state__exact=open&owner_team={name}",
        }
        for name, team in sorted(found.items())
    ]


def _lists() -> list[dict[str, Any]]:
    """Return the named lists with how many are on each; one probe stops at what nobody would read through."""
    named: Sequence[tuple[str, str, Any, str]] = (
        (
            "SKUs late beyond their tier",
            "every figure is shown in time",
            Listing.objects.filter(late_listings()),
            f"{reverse('admin:propagation_listing_changelist')}?late=tier",
        ),
        (
            "Failed reservations",
            "no request was refused",
            Reservation.objects.filter(refused_requests()),
            f"{reverse('admin:ledger_reservation_changelist')}?request=failed",
        ),
        (
            "Returns not processed for hours",
            "no announced return is left lying",
            Expectation.objects.filter(returns_left()),
            f"{reverse('admin:ledger_expectation_changelist')}?lying=hours",
        ),
    )
    found = []
    for name, calm, rows, link in named:
        count = rows.order_by()[: SHOWN_MOST + 1].count()
        words = f"more than {SHOWN_MOST}" if count > SHOWN_MOST else str(count)
        found.append({"name": name, "count": words, "none": not count, "calm": calm, "link": link})
    return found


def _target(objective: Objective) -> str:
    return f"{objective.share * 100:g} % in {span(timedelta(seconds=objective.within_s))}"


def _rate(per_s: float | None) -> str:
    if per_s is None:
        return "—"
    if per_s == 0:
        return "0"
    return f"{per_s:.1f}/s" if per_s >= 1 else f"{per_s * 60:.1f}/min"


def _clears(pace: Pace, depth: int) -> str:
    if not depth:
        return "clear"
    if pace.comes is None:
        return "—"
    seconds = pace.clears_in_s(depth)
    return "not at this rate" if seconds is None else f"in {span(timedelta(seconds=max(1, seconds)))}"


def _bound(classes: Mapping[str, float]) -> str:
    """Return how old urgent figures, and all, get at most while so much is owed."""
    if not classes:
        return "—"
    return f"{_seconds(classes['urgent'])} · {_seconds(classes['all'])}"


def _seconds(value: float | None) -> str:
    if value is None:
        return "—"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f} s" if value < 60 else span(timedelta(seconds=value))
