"""Changes of policy, and what people are shown of a figure."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from inventory_sync.audit.models import Entry
from inventory_sync.availability import selectors, services
from inventory_sync.availability.models import Policy
from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Connection
from tests.availability.worlds import NOON, PostgresWorld, recompute_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> PostgresWorld:
    world = PostgresWorld()
    world.location("W1")
    world.channel("shop", sells=["W1"])
    world.channel("market", sells=["W1"])
    for sku in ("MUG", "CAP"):
        world.item(sku)
        world.level(sku, "W1", 10)
        world.offer("shop", sku)
        world.mark(sku, cause="delivery-1")
    world.kit("PAIR", {"MUG": 2})
    world.offer("shop", "PAIR")
    recompute_all(world)
    return world


def shop() -> Connection:
    return Connection.objects.get(code="shop")


def change(values, *, item: str | None = None, reason: str = "Christmas") -> Policy:
    return services.change_policy(
        actor="tests",
        connection=shop(),
        item=Item.objects.get(sku=item) if item else None,
        values=values,
        reason=reason,
        now=NOON,
    )


def test_a_policy_of_a_channel_touches_everything_it_sells(world: PostgresWorld):
    change({"buffer": Decimal(3)})

    assert world.dirty() == {"MUG", "CAP", "PAIR"}
    recompute_all(world)
    assert world.shown("shop", "MUG").figure == 7
    assert world.shown("shop", "MUG").policy_version == 1


def test_a_policy_of_an_item_touches_that_item(world: PostgresWorld):
    change({"cap": Decimal(4)}, item="MUG")

    assert world.dirty() == {"MUG"}
    recompute_all(world)
    assert [world.shown("shop", sku).figure for sku in ("MUG", "CAP")] == [4, 10]


def test_every_change_raises_the_version_and_says_who_what_and_why(world: PostgresWorld):
    change({"buffer": Decimal(3)})
    policy = change({"buffer": Decimal(5)}, reason="Black Friday")

    entry = Entry.objects.filter(action="policy.changed").get()
    assert policy.version == 2
    assert (entry.actor_name, entry.reason, entry.subject_table) == (
        "tests",
        "Black Friday",
        "availability_policy",
    )
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["buffer"], entry.after["buffer"]) == ("3", "5")


def test_the_same_values_again_change_nothing(world: PostgresWorld):
    change({"buffer": Decimal(3)})
    recompute_all(world)
    entries = Entry.objects.count()

    policy = change({"buffer": Decimal(3)})

    assert policy.version == 1
    assert Entry.objects.count() == entries
    assert world.dirty() == set()


@pytest.mark.parametrize(
    "values", [{"share_percent": Decimal(101)}, {"fallback": "guess"}, {"buffer": "many"}]
)
def test_a_policy_that_makes_no_sense_is_refused(world: PostgresWorld, values):
    with pytest.raises(ValidationError):
        change(values)

    assert not Policy.objects.exists()


def test_what_is_no_part_of_a_policy_cannot_be_set_through_it(world: PostgresWorld):
    with pytest.raises(ValueError, match="version"):
        change({"version": 9})


def test_a_removed_policy_leaves_an_entry_and_gives_the_stock_back(world: PostgresWorld):
    policy = change({"cap": Decimal(4)}, item="MUG")
    recompute_all(world)

    services.remove_policy(actor="tests", policy=policy, reason="over", now=NOON)

    assert Entry.objects.filter(action="policy.removed", reason="over").exists()
    recompute_all(world)
    assert world.shown("shop", "MUG").figure == 10


def test_a_changed_pool_is_felt_by_every_item_of_the_channel(world: PostgresWorld):
    assert services.recompute_channel(connection=shop(), now=NOON) == 3
    assert world.dirty() == {"MUG", "CAP", "PAIR"}


def test_figures_are_read_for_one_item_for_some_and_for_all(world: PostgresWorld):
    mug = Item.objects.get(sku="MUG")

    [view] = selectors.figures_of(connection=shop(), item_ids=[mug.pk])
    assert (view.sku, view.figure) == ("MUG", Decimal(10))
    assert selectors.figure_of(connection=shop(), item=mug) == view
    assert [view.sku for view in selectors.figures_of(connection=shop())] == ["CAP", "MUG", "PAIR"]
    assert [view.sku for view in selectors.figures_of(connection=shop(), skus=["MUG", "NO"])] == ["MUG"]
    market = Connection.objects.get(code="market")
    assert selectors.figure_of(connection=market, item=mug) is None
    assert selectors.explain(connection=market, item=mug, now=NOON) is None


def test_an_explanation_holds_steps_promises_listings_and_what_is_pending(world: PostgresWorld):
    mug = Item.objects.get(sku="MUG")
    world.promise("market", "MUG", "W1", 3, contained=1)
    world.mark("MUG", cause="delivery-2")
    recompute_all(world)
    world.mark("MUG", after_s=7)

    told = selectors.explain(connection=shop(), item=mug, now=NOON)

    assert told is not None
    assert told.figure.figure == 8
    assert told.figure.correlation_id == "delivery-2"
    assert [(step["name"], step["quantity"]) for step in told.steps] == [
        ("on_hand", "10"),
        ("open_demand", "-2"),
    ]
    [promise] = told.promises
    assert (promise.order, promise.order_connection, promise.location) == ("#1", "market", "W1")
    assert [promise.quantity, promise.contained, promise.open] == [3, 1, 2]
    assert [(each.external_id, each.figure) for each in told.listings] == [("MUG", Decimal(8))]
    assert told.pending is not None


def test_an_explanation_of_a_kit_names_the_promises_of_its_components(world: PostgresWorld):
    world.promise("market", "MUG", "W1", 3)

    told = selectors.explain(connection=shop(), item=Item.objects.get(sku="PAIR"), now=NOON)

    assert told is not None
    assert [promise.sku for promise in told.promises] == ["MUG"]
    assert told.steps[0]["name"] == "kits_at"


def test_reading_all_figures_of_a_channel_is_one_query(world: PostgresWorld, django_assert_num_queries):
    channel = shop()

    with django_assert_num_queries(1):
        assert len(selectors.figures_of(connection=channel)) == 3
