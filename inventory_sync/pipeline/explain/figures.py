"""What one channel may sell of one item, now or at a past moment, with every document behind it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Any

from inventory_sync.availability.compute import listing_remainder
from inventory_sync.availability.history import FigureThen, figure_at, figure_now
from inventory_sync.availability.present import figure_present
from inventory_sync.catalog.models import Item, KitComponent, KitRecipe, Location
from inventory_sync.connections.models import Connection
from inventory_sync.domain.errors import BeforeRecords
from inventory_sync.domain.units import STEP, Factor
from inventory_sync.ledger.models import DirtyItem
from inventory_sync.pipeline.explain.documents import Papers
from inventory_sync.pipeline.explain.places import places_of
from inventory_sync.pipeline.explain.types import ZERO, FigureExplained, Term, Told
from inventory_sync.pipeline.explain.words import why_not_higher
from inventory_sync.propagation.history import Pushed, pushed


def explain_figure(
    *, connection: Connection, item: Item, moment: datetime | None = None, now: datetime | None = None
) -> FigureExplained | None:
    """Return the figure term by term; None where this channel was never offered the item.

    now: have the figure that stands explained by its terms of now, not by those it came about with.
    Raises BeforeRecords when the moment lies before the first figure.
    """
    if moment is not None:
        then = figure_at(connection=connection, item=item, moment=moment)
    elif now is not None:
        then = figure_present(connection=connection, item=item, now=now)
    else:
        then = figure_now(connection=connection, item=item)
    if then is None:
        if moment is not None and figure_now(connection=connection, item=item) is not None:
            raise BeforeRecords(f"No figure of {item.sku} on {connection.code} was computed by then.")
        return None
    needs = _recipe(item, then.computed_at if moment is not None else None)
    recipe = dict(Item.objects.filter(sku__in=needs).values_list("sku", "pk"))
    locations = _locations(connection, then)
    papers = Papers(
        items={item.sku: item.pk, **recipe},
        places={row.code: row.pk for row in locations},
        # The figure of a past moment was computed from what was known when it was computed.
        moment=None if moment is None else then.computed_at,
        connection_id=connection.pk,
        item_id=item.pk,
        policy_version=then.policy_version,
        channel=connection.code,
        computed_at=then.computed_at,
    )
    terms = _terms(then.steps, papers, sku=item.sku)
    pool = {row.location_id for row in connection.location_mappings.filter(sells_for=True)}
    places = places_of(
        locations, papers=papers, item_id=None if recipe else item.pk, moment=moment, sells=pool
    )
    return FigureExplained(
        sku=item.sku,
        unit=str(item.base_unit_id),
        channel=connection.code,
        moment=moment,
        figure=then.figure,
        verdict=then.verdict,
        unknown=then.unknown,
        version=then.version,
        policy_version=then.policy_version,
        computed_at=then.computed_at,
        until=then.until,
        correlation_id=then.correlation_id,
        terms=terms,
        places=places,
        told=told_of(item, connection=connection, moment=moment, figure=then.figure),
        why_not_higher=why_not_higher(
            terms, figure=then.figure, unknown=then.unknown, places=places, needs=needs
        ),
        pending=None if moment is not None else _pending({item.pk, *recipe.values()}),
        is_kit=item.kind == Item.Kind.KIT,
    )


def _recipe(item: Item, moment: datetime | None) -> dict[str, Decimal]:
    """Return what one kit took of each component then, by SKU; nothing for an item that is none."""
    if item.kind != Item.Kind.KIT:
        return {}
    if moment is not None:
        row = (
            KitRecipe.objects.filter(kit=item, valid_from__lte=moment)
            .order_by("valid_from", "version")
            .last()
        )
        if row is not None:
            return {sku: Decimal(str(quantity)) for sku, quantity in row.components.items()}
    return dict(KitComponent.objects.filter(kit=item).values_list("component__sku", "quantity"))


def told_of(
    item: Item,
    *,
    connection: Connection | None = None,
    moment: datetime | None = None,
    figure: Decimal | None = None,
) -> tuple[Told, ...]:
    """Return what the item's listings were last told by then, and were read to show.

    figure: what stood then in base units, if it shall be said how much of it no pack of a listing shows.
    """
    rows = pushed(item.pk, connection_id=connection.pk if connection else None, moment=moment)
    return tuple(_told(row, figure) for row in rows)


def _told(row: Pushed, figure: Decimal | None) -> Told:
    listing = f"{row.external_id} @ {row.external_location}" if row.external_location else row.external_id
    return Told(
        listing=listing,
        listing_id=row.listing_id,
        base_units_each=str(Fraction(row.numerator, row.denominator)),
        left_over=None
        if figure is None
        else listing_remainder(figure, Factor(row.numerator, row.denominator)).quantize(STEP, ROUND_FLOOR),
        state=row.state,
        wanted=row.wanted if row.attempt_id else None,
        wrote=row.wrote,
        shown=row.shown,
        at=row.wrote_at,
        shown_at=row.shown_at,
        outcome=row.outcome or "",
        write_id=row.write_key or "",
        version=row.write_version or row.version or 0,
        attempt_id=row.write_id or row.attempt_id,
        error_code=row.error_code or "",
    )


def _locations(connection: Connection, then: FigureThen) -> list[Location]:
    """Return every place the figure speaks of, and those of the channel's pool today."""
    rows = [*then.steps, *(part for step in then.steps for part in step.get("basis", ()))]
    codes = {row["location"] for row in rows if row.get("location")} | set(then.unknown)
    mapped = connection.location_mappings.filter(sells_for=True).values("location_id")
    found = Location.objects.filter(code__in=codes) | Location.objects.filter(pk__in=mapped)
    return list(found.distinct())


def _terms(steps: tuple[dict[str, Any], ...], papers: Papers, *, sku: str) -> tuple[Term, ...]:
    total = ZERO
    terms = []
    for step in steps:
        total += Decimal(step["quantity"])
        terms.append(_term(step, total, papers, sku))
    return tuple(terms)


def _term(step: Mapping[str, Any], total: Decimal, papers: Papers, sku: str) -> Term:
    quantity, location = Decimal(step["quantity"]), step.get("location", "")
    component = step.get("component", "")
    totals: dict[tuple[str, str], Decimal] = {}
    basis = []
    for part in step.get("basis", ()):
        key = (part.get("component", ""), part.get("location", ""))
        totals[key] = totals.get(key, ZERO) + Decimal(part["quantity"])
        basis.append(_term(part, totals[key], papers, sku))
    return Term(
        name=step["name"],
        label=step["label"],
        quantity=quantity,
        total=total,
        location=location,
        component=component,
        documents=papers.of(step["name"], quantity, sku=component or sku, location=location),
        basis=tuple(basis),
    )


def _pending(item_ids: set[int]) -> datetime | None:
    row = DirtyItem.objects.filter(item_id__in=item_ids).order_by("since").first()
    return row.since if row else None
