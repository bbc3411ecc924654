"""Computing on PostgreSQL: an item that cannot be computed holds up nobody else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, OperationalError

from inventory_sync.availability.models import ChannelFigure
from inventory_sync.availability.store import PostgresAvailability
from inventory_sync.cases.models import Case
from inventory_sync.ledger.models import DirtyItem
from inventory_sync.propagation.services import sync_listings
from tests.factories import make_kit, map_item
from tests.pipeline.hub import Hub, open_hub

pytestmark = pytest.mark.django_db

SKUS = [f"I{number}" for number in range(7)]


@pytest.fixture
def hub() -> Hub:
    """Seven items that were counted and not yet computed."""
    hub = open_hub()
    for number, sku in enumerate(SKUS):
        hub.stocked(sku, 10, f"product:{number + 1}")
    return hub


def fail_on(monkeypatch: pytest.MonkeyPatch, *item_ids: int, error: Exception) -> list[int]:
    """Have every save fail that holds one of these items, plain or not; returns how many each try held."""
    save, save_plain = PostgresAvailability.save, PostgresAvailability.save_plain
    tries: list[int] = []

    def failing(self: Any, figures: Any, **more: Any) -> None:
        if any(each.item_id in item_ids for each in figures):
            raise error
        save(self, figures, **more)

    def failing_plain(self: Any, items: Any, **more: Any) -> Any:
        tries.append(len(items))
        if any(each in item_ids for each in items):
            raise error
        return save_plain(self, items, **more)

    monkeypatch.setattr(PostgresAvailability, "save", failing)
    monkeypatch.setattr(PostgresAvailability, "save_plain", failing_plain)
    return tries


def figures() -> dict[str, Decimal | None]:
    return {row.item.sku: row.figure for row in ChannelFigure.objects.select_related("item")}


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (["I0"], ZeroDivisionError("a bug")),
        (["I3"], DataError("numeric field overflow")),
        (["I0", "I1", "I6"], ZeroDivisionError("a bug")),
        (SKUS, ZeroDivisionError("a bug")),
    ],
)
def test_items_that_fail_are_set_aside_with_a_case_and_their_neighbours_get_their_figures(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, bad: list[str], error: Exception
) -> None:
    ids = [hub.items[sku].pk for sku in bad]
    fail_on(monkeypatch, *ids, error=error)

    hub.compute()

    good = [sku for sku in SKUS if sku not in bad]
    assert figures() == dict.fromkeys(good, Decimal(10))
    assert [hub.listing(sku).desired for sku in good] == [10] * len(good)
    assert set(DirtyItem.objects.values_list("item__sku", flat=True)) == set(bad)
    cases = {(case.code, case.subject_kind, case.subject_id) for case in Case.objects.all()}
    assert cases == {("availability.failed", "item", str(one)) for one in ids}


def test_an_item_set_aside_is_left_alone_for_a_minute_and_its_case_closes_when_it_is_computed(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        tries = fail_on(patch, hub.items["I3"].pk, error=ZeroDivisionError("a bug"))
        hub.compute()
        tries.clear()
        hub.till_says("sale", ("I3", "1"))
        hub.drain()
        hub.compute()
        assert sum(tries) == 0

        hub.clock.advance(61)
        hub.compute()
        assert Case.objects.get().times == 2

    hub.clock.advance(61)
    hub.compute()

    assert figures()["I3"] == 9
    assert Case.objects.get().state == Case.State.RESOLVED
    assert not DirtyItem.objects.exists()


def test_a_kit_that_fails_does_not_take_its_components_with_it(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = make_kit("SET", {hub.items["I1"]: 1, hub.items["I4"]: 1})
    map_item(hub.shop, kit, "product:99")
    sync_listings(hub.shop.pk, now=hub.clock())
    fail_on(monkeypatch, kit.pk, error=ZeroDivisionError("a bug"))

    hub.compute()

    assert figures() == dict.fromkeys(SKUS, Decimal(10))
    assert list(DirtyItem.objects.values_list("item__sku", flat=True)) == ["SET"]
    assert Case.objects.get().subject_id == str(kit.pk)


def test_a_database_that_does_not_answer_is_no_fault_of_an_item(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = fail_on(monkeypatch, hub.items["I3"].pk, error=OperationalError("gone"))

    with pytest.raises(OperationalError):
        hub.compute()

    assert tries == [7]
    assert not Case.objects.exists()
    assert DirtyItem.objects.filter(not_before=None).count() == 7


def test_many_items_are_found_in_few_tries(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = fail_on(monkeypatch, hub.items["I5"].pk, error=ZeroDivisionError("a bug"))

    hub.compute()

    assert tries[0] == 7
    assert len(tries) <= 8
