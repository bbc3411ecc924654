"""Which vendors' ids wait for a mapping: read from the parked lines, with a suggestion where one is certain.

A suggestion is an equal SKU, GTIN or name of one item alone, never a guess; a person confirms it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Count, Max, Min, Q
from django.urls import reverse
from django.utils.http import urlencode

from inventory_sync.cases.models import Case
from inventory_sync.catalog.models import Item, ItemMapping
from inventory_sync.intake.models import ParkedLine
from inventory_sync.intake.ports import PARKED_KIND

ITEM, LOCATION = "item:", "location:"


@dataclass(frozen=True, slots=True)
class WaitingId:
    """One id of a vendor that parks lines. `words` is what the newest line said of it."""

    connection_id: int
    connection: str
    external_id: str
    words: str
    lines: int
    since: datetime
    suggestion: Item | None = None

    @property
    def name(self) -> str:
        """What the vendor seems to call it: the end of "Order 113: 2 × Gift card"; a filling-in aid only."""
        return self.words.rpartition(" × ")[2]


def waiting_ids(kind: str = ITEM, *, most: int | None = None) -> list[WaitingId]:
    """Return the ids that open parked lines wait for, the most waited for first; `most` of them, or all."""
    groups = (
        ParkedLine.objects.filter(resolved_at__isnull=True, waits_on__startswith=kind)
        .values("connection_id", "connection__label", "waits_on")
        .annotate(lines=Count("id"), since=Min("created_at"), newest=Max("id"))
        .order_by("-lines", "since")[:most]
    )
    words = dict(
        ParkedLine.objects.filter(pk__in=[group["newest"] for group in groups]).values_list("id", "summary")
    )
    found = [
        WaitingId(
            connection_id=group["connection_id"],
            connection=group["connection__label"],
            external_id=group["waits_on"].removeprefix(kind),
            words=words.get(group["newest"], ""),
            lines=group["lines"],
            since=group["since"],
        )
        for group in groups
    ]
    return _with_suggestions(found) if kind == ITEM else found


def map_url(connection_id: int, waits_on: str, *, label: str = "", item_id: int | None = None) -> str:
    """Return the page on which somebody says what an id is, filled in as far as it is known."""
    if waits_on.startswith(LOCATION):
        place: dict[str, str | int] = {
            "connection": connection_id,
            "external_id": waits_on.removeprefix(LOCATION),
            "counts_from": "1",
        }
        return f"{reverse('admin:catalog_locationmapping_add')}?{urlencode(place)}"
    external_id = waits_on.removeprefix(ITEM)
    row = ItemMapping.objects.filter(connection_id=connection_id, external_id=external_id).first()
    if row is not None:
        return reverse("admin:catalog_itemmapping_change", args=[row.pk])
    filled: dict[str, str | int] = {
        "connection": connection_id,
        "external_id": external_id,
        "label": label[:200],
        "item": item_id or "",
    }
    return f"{reverse('admin:catalog_itemmapping_add')}?{urlencode(filled)}"


def cases_of(waiting: Collection[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Return the open case of each (connection, what its lines wait for) that has one."""
    subjects = {
        f"{connection_id}:{waits_on}": (connection_id, waits_on) for connection_id, waits_on in waiting
    }
    rows = Case.objects.filter(state=Case.State.OPEN, subject_kind=PARKED_KIND, subject_id__in=list(subjects))
    return {subjects[subject]: pk for subject, pk in rows.values_list("subject_id", "pk")}


def lines_waiting_for(connection_id: int, external_id: str) -> int:
    return ParkedLine.objects.filter(
        connection_id=connection_id, waits_on=f"{ITEM}{external_id}", resolved_at__isnull=True
    ).count()


def _with_suggestions(waiting: Sequence[WaitingId]) -> list[WaitingId]:
    """Return them with the item each is certain to mean, if one: by three queries however many there are."""
    ids = [each.external_id for each in waiting]
    mappings = ItemMapping.objects.select_related("item").filter(
        connection_id__in={each.connection_id for each in waiting}, external_id__in=ids
    )
    proposed = {(row.connection_id, row.external_id): row for row in mappings}
    names = {each: _names(each, proposed.get((each.connection_id, each.external_id))) for each in waiting}
    every = {name for given in names.values() for name in given}
    same: dict[str, set[Item]] = defaultdict(set)
    for item in Item.objects.filter(Q(sku__in=every) | Q(gtin__in=every) | Q(name__in=every)):
        for name in (item.sku, item.gtin, item.name):
            same[name].add(item)
    found = []
    for each in waiting:
        row = proposed.get((each.connection_id, each.external_id))
        items = {item for name in names[each] for item in same[name]}
        certain = next(iter(items)) if len(items) == 1 else None
        found.append(replace(each, suggestion=row.item if row is not None and row.item else certain))
    return found


def _names(waiting: WaitingId, proposed: ItemMapping | None) -> tuple[str, ...]:
    given = (waiting.external_id, waiting.name, proposed.external_sku if proposed is not None else "")
    return tuple(name for name in given if name)
