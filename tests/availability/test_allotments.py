"""Granting, renewing, ending: what is set aside always fits the pool, and time alone ends a lease."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from inventory_sync.audit.models import Entry
from inventory_sync.availability.allotments import grant_allotment, renew_allotment, withdraw_allotment
from inventory_sync.availability.due import keep_time
from inventory_sync.availability.models import Allotment, Freshness
from inventory_sync.availability.store import PostgresAvailability
from inventory_sync.catalog.models import Item, Location
from inventory_sync.catalog.recipes import set_components
from inventory_sync.connections.models import Connection, Cursor
from inventory_sync.domain.errors import AllotmentOver, AllotmentTooLarge
from inventory_sync.ledger.models import StockLevel
from tests import factories
from tests.availability.worlds import NOON, PostgresWorld, recompute_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> PostgresWorld:
    """Ten mugs at W1, sold by two shops; a pair of mugs as a kit."""
    world = PostgresWorld()
    world.location("W1")
    world.location("W2")
    for shop in ("shop", "market"):
        world.channel(shop, sells=["W1"])
    world.item("MUG")
    world.level("MUG", "W1", 10)
    world.kit("PAIR", {"MUG": 2})
    for shop in ("shop", "market"):
        world.offer(shop, "MUG")
    world.mark("MUG")
    recompute_all(world)
    return world


def grant(quantity: int, *, shop: str = "market", sku: str = "MUG", hours: int | None = None) -> Allotment:
    return grant_allotment(
        actor="tests",
        connection=Connection.objects.get(code=shop),
        item=Item.objects.get(sku=sku),
        quantity=Decimal(quantity),
        reason="flash sale",
        now=NOON,
        store=PostgresAvailability(),
        expires_at=None if hours is None else NOON + timedelta(hours=hours),
    )


def test_a_grant_is_audited_and_felt_at_once(world):
    grant(4)

    assert world.dirty() == {"MUG"}
    recompute_all(world)
    assert [world.shown(shop, "MUG").figure for shop in ("shop", "market")] == [6, 10]
    assert Entry.objects.get(action="allotment.granted").reason == "flash sale"


def test_the_allotments_of_a_pool_never_sum_above_it(world):
    grant(6)

    with pytest.raises(AllotmentTooLarge, match="1 of MUG more"):
        grant(5, shop="shop")

    assert Allotment.objects.count() == 1
    grant(4, shop="shop")


def test_kits_set_aside_count_by_their_components(world):
    grant(3, sku="PAIR")

    with pytest.raises(AllotmentTooLarge, match="1 of MUG more"):
        grant(5)
    grant(4)


def test_what_is_in_doubt_can_be_set_aside_for_nobody(world):
    world.level("MUG", "W1", 10, known=False, last_known_free=10)

    with pytest.raises(AllotmentTooLarge):
        grant(1)


def test_what_is_sold_of_an_allotment_makes_room_for_no_other(world):
    grant(6)
    world.promise("market", "MUG", "W1", 6)

    with pytest.raises(AllotmentTooLarge):
        grant(5, shop="shop")
    grant(4, shop="shop")


def test_a_lease_ends_by_itself_and_is_written_down(world):
    lease = grant(4, hours=1)
    recompute_all(world)
    assert keep_time(now=NOON + timedelta(minutes=59)).ended == 0

    assert keep_time(now=NOON + timedelta(minutes=90)).ended == 1

    lease.refresh_from_db()
    assert lease.ended_at == NOON + timedelta(hours=1)
    assert Entry.objects.filter(action="allotment.expired", actor_name="the clock").exists()
    recompute_all(world, now=NOON + timedelta(minutes=90))
    assert world.shown("shop", "MUG").figure == 10
    assert keep_time(now=NOON + timedelta(hours=9)).ended == 0


def test_a_renewed_lease_ends_later_and_one_that_ended_is_not_renewed(world):
    lease = grant(4, hours=1)

    def renew(until: int, *, at: int) -> Allotment:
        return renew_allotment(
            actor="tests",
            allotment=lease,
            expires_at=NOON + timedelta(hours=until),
            reason="goes well",
            now=NOON + timedelta(hours=at),
            store=PostgresAvailability(),
        )

    renew(2, at=0)
    assert keep_time(now=NOON + timedelta(minutes=90)).ended == 0

    with pytest.raises(AllotmentOver):
        renew(9, at=3)


def test_a_renewal_that_takes_more_must_fit_too(world):
    lease = grant(4, hours=1)

    with pytest.raises(AllotmentTooLarge):
        renew_allotment(
            actor="tests",
            allotment=lease,
            expires_at=None,
            quantity=Decimal(11),
            reason="more",
            now=NOON,
            store=PostgresAvailability(),
        )


def test_what_is_withdrawn_is_everybodys_again(world):
    withdraw_allotment(actor="tests", allotment=grant(4), reason="over", now=NOON)

    recompute_all(world)

    assert world.shown("shop", "MUG").figure == 10
    assert Entry.objects.filter(action="allotment.withdrawn").exists()


# ── ages of reports ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def watched(world: PostgresWorld) -> Freshness:
    """W1 must report at least once an hour; its last report came at noon."""
    place = Location.objects.get(code="W1")
    StockLevel.objects.update(changed_at=NOON)
    row = Freshness(location=place, max_age_s=3600)
    factories.saved(row, "freshness.declared")
    return row


def test_a_location_that_is_silent_too_long_makes_its_items_unknown_until_it_speaks(world, watched):
    assert keep_time(now=NOON + timedelta(minutes=60)).stale == 0
    assert world.dirty() == set()

    assert keep_time(now=NOON + timedelta(minutes=61)).stale == 1
    assert world.dirty() == {"MUG"}
    recompute_all(world)
    assert world.shown("shop", "MUG").unknown == ["W1:stale"]
    assert world.shown("shop", "MUG").figure == 10

    StockLevel.objects.update(changed_at=NOON + timedelta(minutes=62))
    assert keep_time(now=NOON + timedelta(minutes=63)).fresh == 1
    recompute_all(world)
    assert world.shown("shop", "MUG").unknown == []


def test_a_location_marks_its_items_once_and_not_at_every_tick(world, watched):
    keep_time(now=NOON + timedelta(hours=2))
    recompute_all(world)

    assert keep_time(now=NOON + timedelta(hours=3)).stale == 0
    assert world.dirty() == set()


def test_a_reading_that_found_nothing_new_is_a_report_too(world, watched):
    till = factories.make_till("till")
    factories.make_authority(watched.location, till)
    Cursor.objects.create(connection=till, stream="events", swept_at=NOON + timedelta(minutes=50))

    assert keep_time(now=NOON + timedelta(minutes=100)).stale == 0
    assert keep_time(now=NOON + timedelta(minutes=111)).stale == 1


# ── recipes ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_recipe_whose_kit_could_not_be_marked_is_not_in_force_and_comes_the_next_time(world, monkeypatch):
    kit, mug = Item.objects.get(sku="PAIR"), Item.objects.get(sku="MUG")
    later = NOON + timedelta(days=1)
    set_components(kit, {mug.pk: Decimal(3)}, actor="tests", reason="three", valid_from=later, now=NOON)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("inventory_sync.availability.due.mark_items_dirty", killed)
        with pytest.raises(KeyboardInterrupt):
            keep_time(now=later)
    again = keep_time(now=later)

    assert again.recipes == 1
    assert "PAIR" in world.dirty()
