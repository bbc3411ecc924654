"""One place: who decides what is there, which report ruled, what is free of an item and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from django.db.models import Q

from inventory_sync.availability.steps import label_of
from inventory_sync.catalog.models import Authority, Item, Location
from inventory_sync.ledger import history
from inventory_sync.ledger.models import StockLevel
from inventory_sync.pipeline.explain.documents import Papers, ruling_document
from inventory_sync.pipeline.explain.types import ZERO, Place, PlaceExplained, Term


def authorities(location_ids: Collection[int], *, moment: datetime | None) -> dict[int, str]:
    """Return the code of the connection that decided what was on hand at each place at the moment."""
    rows = Authority.objects.filter(
        location_id__in=location_ids, attribute=Authority.Attribute.ON_HAND
    ).select_related("connection")
    if moment is None:
        rows = rows.filter(valid_to=None)
    else:
        rows = rows.filter(
            Q(valid_from=None) | Q(valid_from__lte=moment), Q(valid_to=None) | Q(valid_to__gt=moment)
        )
    return {row.location_id: row.connection.code for row in rows}


def places_of(
    locations: Iterable[Location],
    *,
    papers: Papers | None = None,
    item_id: int | None = None,
    moment: datetime | None = None,
    sells: Collection[int] = (),
) -> tuple[Place, ...]:
    """Return the places with their authorities; with papers and an item also the report that ruled each."""
    rows = sorted(locations, key=lambda row: row.code)
    deciders = authorities([row.pk for row in rows], moment=moment)
    found = []
    for row in rows:
        ruling = papers.ruling((item_id, row.pk)) if papers and item_id is not None else None
        found.append(
            Place(
                location=row.code,
                name=row.name,
                mode=row.mode,
                authority=deciders.get(row.pk, ""),
                sells=row.pk in sells,
                known=ruling is not None or _complete(row, moment),
                ruling=ruling_document(ruling) if ruling else None,
            )
        )
    return tuple(found)


def explain_place(*, item: Item, location: Location, moment: datetime | None = None) -> PlaceExplained:
    """Return what is (was) free of the item at the place, term by term."""
    papers = Papers(items={item.sku: item.pk}, places={location.code: location.pk}, moment=moment)
    stood = {each.location_id: each for each in history.stood_at(item.pk, moment)} if moment else {}
    return _explained(item, location, papers, moment=moment, stood=stood)


def explain_places(*, item: Item, moment: datetime | None = None) -> tuple[PlaceExplained, ...]:
    """Return the same for every place that has ever held, or owes, some of the item."""
    papers = Papers(items={item.sku: item.pk}, places={}, moment=moment)
    levels = StockLevel.objects.filter(item=item).exclude(location__kind__in=Location.VIRTUAL)
    ids = set(levels.values_list("location_id", flat=True))
    ids |= {each.location_id for each in history.owed([item.pk], moment=moment)}
    stood = {each.location_id: each for each in history.stood_at(item.pk, moment)} if moment else {}
    rows = Location.objects.filter(pk__in=ids).order_by("code")
    return tuple(_explained(item, row, papers, moment=moment, stood=stood) for row in rows)


def _explained(
    item: Item,
    location: Location,
    papers: Papers,
    *,
    moment: datetime | None,
    stood: Mapping[int, history.Stood],
) -> PlaceExplained:
    key = (item.pk, location.pk)
    place = places_of([location], papers=papers, item_id=item.pk, moment=moment)[0]
    level = StockLevel.objects.filter(item=item, location=location).first() if moment is None else None
    if moment is None:
        known = level.known if level else _complete(location, None)
        place = Place(place.location, place.name, place.mode, place.authority, False, known, place.ruling)
    on_hand = papers.balance(key)
    parts: list[tuple[str, Decimal]] = [("on_hand", on_hand)]
    if level is not None:
        for name, held in (
            ("unavailable", level.unavailable),
            ("reserved_by_authority", getattr(level, "reserved", ZERO)),
            ("unassigned_at_authority", getattr(level, "unassigned", ZERO)),
        ):
            if held:
                parts.append((name, -held))
    if owes := sum((each.open for each in papers.owed_at(key)), ZERO):
        parts.append(("open_demand", -owes))
    total = ZERO
    terms = []
    for name, quantity in parts:
        total += quantity
        documents = (
            papers.movements(key, quantity)
            if name == "on_hand"
            else papers.lines(key, quantity)
            if name == "open_demand"
            else ((place.ruling,) if place.ruling else ())
        )
        terms.append(Term(name, label_of(name), quantity, total, location.code, documents=documents))
    truly = stood.get(location.pk)
    return PlaceExplained(
        sku=item.sku,
        unit=str(item.base_unit_id),
        place=place,
        moment=moment,
        on_hand=on_hand if place.known else None,
        free=total if place.known else None,
        terms=tuple(terms),
        stood=truly.on_hand if truly else None,
        stood_by=truly.by if truly else "",
        stood_known=truly.known if truly else False,
    )


def _complete(location: Location, moment: datetime | None) -> bool:
    since = location.complete_since
    return since is not None and (moment is None or since <= moment)
