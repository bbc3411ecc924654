"""The plain figures that PostgreSQL works out itself are those the desk comes to, with the same terms, news
and history; and it works out every one that is plain.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory_sync.availability.compute import _record, work_out
from inventory_sync.availability.micro import maybe_exact, to_micro
from inventory_sync.availability.models import (
    Allotment,
    ChannelFigure,
    FigureHistory,
    Freshness,
    Policy,
    SafetyStock,
)
from inventory_sync.availability.plain import Plain
from inventory_sync.availability.ports import FigureChange, FigureKey, NewFigure
from inventory_sync.availability.store import PostgresAvailability
from inventory_sync.availability.terms import Terms
from inventory_sync.catalog.models import Item, ItemMapping, KitComponent, Location, LocationMapping
from inventory_sync.connections.models import Connection
from inventory_sync.domain.availability import Fallback
from inventory_sync.ledger.models import Allocation, DirtyItem, Order, Reservation, StockLevel
from tests import factories
from tests.availability.worlds import NOON

SHOPS, PLACES = ("shop", "market"), ("W1", 'a "b"', "W-2")
STOCKED, KITS = ("MUG", "LID", "FLOUR", 'a "t"'), ("SET", "BOX", "NEST")
SKUS = STOCKED + KITS
NEAR_ZERO = Decimal(2)
BEFORE = NOON - timedelta(hours=1)


def rarely(draw: st.DrawFn, one_in: int = 8) -> bool:
    return draw(st.integers(1, one_in)) == 1


few = st.sampled_from([Decimal(0), Decimal(0), Decimal(1), Decimal("2.5"), Decimal("0.000001")])
quantities = st.decimals(-2, 30, places=6) | st.integers(0, 30).map(Decimal)
per_kit = st.sampled_from([Decimal(1), Decimal(1), Decimal(2), Decimal("0.5"), Decimal("0.000001")])
percents = st.sampled_from([Decimal(0), Decimal("0.01"), Decimal("33.33"), Decimal(50), Decimal(100)])
policies = st.fixed_dictionaries(
    {
        "share_percent": percents,
        "buffer": few,
        "buffer_percent": percents,
        "cap": st.none() | st.integers(0, 20).map(Decimal),
        "threshold": few,
        "safety_stock": few,
        "pack": st.sampled_from([None, None, Decimal(6), Decimal("0.25")]),
        "backorder_allowance": few,
        "preorder_allowance": st.sampled_from([Decimal(0)] * 7 + [Decimal(2)]),
        "fallback": st.sampled_from([each.value for each in Fallback]),
        "version": st.integers(1, 3),
    }
)


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, list[Any]]:
    """Items and kits at three places, sold by two shops: rows to write, as their columns."""
    rows: dict[str, list[Any]] = {name: [] for name in ("level", "owed", "policy", "safety", "figure")}
    for sku in STOCKED:
        for place in PLACES:
            if not rarely(draw, 12):
                values: dict[str, Any] = {
                    name: draw(few) for name in ("unavailable", "reserved", "unassigned")
                }
                values |= {"on_hand": draw(quantities), "known": not rarely(draw, 20)}
                rows["level"].append((sku, place, {**values, "version": draw(st.integers(0, 9))}))
            if rarely(draw, 5):
                rows["owed"].append((draw(st.sampled_from(SHOPS)), sku, place, draw(few) + 1, draw(few)))
    for shop in SHOPS:
        for about in (None, "MUG", "SET"):
            if not rarely(draw, 3 if about != "SET" else 1):
                rows["policy"].append((shop, about, draw(policies)))
        for sku in SKUS:
            if not rarely(draw, 4):
                figure = draw(st.none() | quantities)
                rows["figure"].append((shop, sku, figure, rarely(draw, 4), draw(st.integers(1, 3))))
    if rarely(draw, 3):
        rows["safety"] = [(draw(st.sampled_from([None, "MUG", "LID"])), draw(st.sampled_from(PLACES)))]
    rows["sells"] = [(shop, place) for shop in SHOPS for place in PLACES if draw(st.booleans())]
    rows["offers"] = [(shop, sku) for shop in SHOPS for sku in SKUS if not rarely(draw)]
    rows["complete"] = [place for place in PLACES if draw(st.booleans())]
    rows["stale"] = [place for place in PLACES if rarely(draw, 20)]
    rows["aside"] = [sku for sku in SKUS if rarely(draw, 15)]
    rows["parts"] = [("SET", sku, draw(per_kit)) for sku in STOCKED if draw(st.booleans())] + [
        ("BOX", sku, draw(per_kit)) for sku in STOCKED if draw(st.booleans())
    ]
    rows["parts"] += [("NEST", "SET", Decimal(1))] if rarely(draw) else [("NEST", "LID", draw(per_kit))]
    rows["pooled"] = [kit for kit in KITS if draw(st.booleans())]
    rows["given"] = [sku for sku in SKUS if not rarely(draw, 5)]
    rows["held"] = [kit for kit in KITS if kit in rows["given"] and draw(st.booleans())]
    return rows


def build(rows: dict[str, list[Any]]) -> dict[str, Item]:
    """Write a world straight to the tables; it is rolled back before anybody asks for its audit."""
    shops = {code: factories.make_channel(code) for code in SHOPS}
    units = {"FLOUR": "KGM"}
    items = {
        sku: factories.make_item(
            sku,
            unit=units.get(sku, "C62"),
            kind="kit" if sku in KITS else "stocked",
            kit_pooled=sku in rows["pooled"],
        )
        for sku in SKUS
    }
    KitComponent.objects.bulk_create(
        KitComponent(kit=items[kit], component=items[sku], quantity=quantity)
        for kit, sku, quantity in rows["parts"]
    )
    since = {True: BEFORE, False: None}
    places = {p: factories.make_location(p, complete_since=since[p in rows["complete"]]) for p in PLACES}
    LocationMapping.objects.bulk_create(
        LocationMapping(connection=shops[shop], location=places[place], external_id=place, sells_for=True)
        for shop, place in rows["sells"]
    )
    ItemMapping.objects.bulk_create(
        ItemMapping(connection=shops[shop], item=items[sku], external_id=sku, state="confirmed")
        for shop, sku in rows["offers"]
    )
    StockLevel.objects.bulk_create(
        StockLevel(item=items[sku], location=places[place], **values) for sku, place, values in rows["level"]
    )
    for nth, (shop, sku, place, quantity, contained) in enumerate(rows["owed"]):
        _promise(shops[shop], items[sku], places[place], quantity, contained, nth)
    Policy.objects.bulk_create(
        Policy(connection=shops[shop], item=items[about] if about else None, **values)
        for shop, about, values in rows["policy"]
    )
    SafetyStock.objects.bulk_create(
        SafetyStock(location=places[place], item=items[sku] if sku else None, quantity=Decimal("1.5"))
        for sku, place in rows["safety"]
    )
    Freshness.objects.bulk_create(
        Freshness(location=places[place], max_age_s=60, stale=True) for place in rows["stale"]
    )
    Allotment.objects.bulk_create(
        Allotment(connection=shops["shop"], item=items[sku], quantity=2, granted_at=BEFORE)
        for sku in rows["aside"]
    )
    ChannelFigure.objects.bulk_create(
        ChannelFigure(
            connection=shops[shop],
            item=items[sku],
            figure=figure,
            last_known=figure,
            verdict="held" if doubtful else "known" if figure is not None else "unknown",
            unknown=["W1"] if doubtful or figure is None else [],
            policy_version=version,
            version=version,
            computed_at=BEFORE,
            correlation_id="before",
        )
        for shop, sku, figure, doubtful, version in rows["figure"]
    )
    DirtyItem.objects.bulk_create(
        DirtyItem(item=item, since=NOON, correlation_id=f"cause-{sku}") for sku, item in items.items()
    )
    return items


def _promise(
    shop: Connection, item: Item, place: Location, quantity: Decimal, contained: Decimal, nth: int
) -> None:
    order = Order.objects.create(
        connection=shop, order_ref=str(nth), number=str(nth), status="committed", stamp=1, seen_at=NOON
    )
    line = Reservation.objects.create(order=order, line_ref="1", item=item, demand=quantity)
    Allocation.objects.create(
        reservation=line, item=item, location=place, quantity=quantity, contained=contained
    )


def by_the_desk(
    items: dict[str, Item], held: list[str]
) -> dict[FigureKey, tuple[NewFigure | None, FigureChange | None]]:
    """Return what the desk would save of each figure, and what it would tell of it."""
    store = PostgresAvailability()
    causes = {item.pk: f"{'held' if sku in held else 'cause'}-{sku}" for sku, item in items.items()}
    recipes = {each.kit_id: each for each in store.recipes(causes.keys()) if each.kit_id in causes}
    found = {}
    for worked in work_out(store, causes.keys(), recipes=recipes, now=NOON):
        key = (worked.connection_id, worked.item_id)
        found[key] = _record(worked, causes[worked.item_id], to_micro(NEAR_ZERO))
    return found


def plain_items(items: dict[str, Item]) -> set[int]:
    """Return the items that plain.py works out on each channel where they are offered or ever were."""
    store = PostgresAvailability()
    ids = [item.pk for item in items.values()]
    recipes = {each.kit_id: each for each in store.recipes(ids) if each.kit_id in ids}
    involved = {*ids, *(part for kit in recipes.values() for part, _ in kit.components)}
    terms = Terms(
        items=store.items(involved),
        landscape=store.landscape(involved, now=NOON),
        stock=store.stock(involved),
        now=NOON,
    )
    plain, offered = Plain(terms), store.offered(ids)
    channels = terms.landscape.channels
    special = {item_id for shop, item_id in store.figures(ids).keys() - offered}
    for shop, item_id in offered:
        channel = channels[shop]
        policy = terms.policy(channel, item_id)
        found: object = None
        if not terms.items[item_id].is_kit:
            found = plain.item(channel, item_id, policy)
        elif item_id in recipes:
            found = plain.kit(channel, item_id, recipes[item_id], policy)
        if not channel.sells_from or found is None:
            special.add(item_id)
    return set(ids) - special


def stored(key: FigureKey) -> NewFigure | None:
    """Return what was saved of a figure at noon; None if nothing was."""
    now = ChannelFigure.objects.get(connection_id=key[0], item_id=key[1])
    lines = list(FigureHistory.objects.filter(connection_id=key[0], item_id=key[1]))
    if not lines:
        assert now.computed_at == BEFORE
        return None
    [line] = lines
    for name in ("figure", "version", "policy_version", "verdict", "correlation_id", "computed_at"):
        assert getattr(line, name) == getattr(now, name), name
    assert now.computed_at == NOON
    return NewFigure(
        *key,
        None if now.figure is None else to_micro(now.figure),
        None if now.last_known is None else to_micro(now.last_known),
        now.version,
        now.policy_version,
        now.verdict,
        now.correlation_id,
        line.terms,
        line.basis,
        tuple(now.unknown),
    )


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_the_statement_and_the_desk_save_and_tell_the_same(rows: dict[str, list[Any]]):
    with transaction.atomic():
        made = build(rows)
        items = {sku: made[sku] for sku in rows["given"]}
        expected, plain = by_the_desk(items, rows["held"]), plain_items(items)

        special, changes = PostgresAvailability().save_plain(
            [item.pk for item in items.values()],
            causes={made[sku].pk: f"held-{sku}" for sku in rows["held"]},
            now=NOON,
            urgent_at_or_below=NEAR_ZERO,
        )

        shown = {item_id for _, item_id in expected}  # on some channel, or once was
        taken = shown - set(special)
        assert taken == shown & plain
        told = {(each.connection_id, each.item_id): each for each in changes}
        for key, (row, change) in expected.items():
            if key[1] in taken:
                assert stored(key) == row
                assert told.pop(key, None) == change
        assert not told
        assert not FigureHistory.objects.exclude(item_id__in=taken).exists()
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_a_quantity_beyond_reckoning_in_whole_numbers_is_left_to_the_desk():
    shop, place = factories.make_channel("shop"), factories.make_location("W1")
    factories.map_location(shop, place, sells_for=True)
    item = factories.make_item("SAND")
    factories.map_item(shop, item, "SAND")
    StockLevel.objects.create(item=item, location=place, on_hand=Decimal(10) ** 9, known=True)
    factories.make_policy(shop, share_percent=50)

    special, changes = PostgresAvailability().save_plain(
        [item.pk], causes={}, now=NOON, urgent_at_or_below=NEAR_ZERO
    )

    assert (list(special), list(changes)) == ([item.pk], [])
    [worked] = work_out(PostgresAvailability(), [item.pk], recipes={}, now=NOON)
    assert maybe_exact(worked.figure) == Decimal(10) ** 9 / 2
