"""What a flight writes back is what is read again, whatever is in it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from inventory_sync.propagation.models import Listing
from inventory_sync.propagation.saving import WRITTEN, write_all
from tests.factories import make_channel, make_item, make_listing, map_item

pytestmark = pytest.mark.django_db
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
FULL: dict[str, Any] = {
    "state": Listing.State.OWED, "desired": Decimal("5.250001"), "desired_version": 2**40, "desired_news": 3,
    "observed": Decimal(-7), "observed_at": AT, "acknowledged": Decimal(0), "acknowledged_at": AT,
    "news": 4, "lowered": Decimal("1.5"), "urgent": True, "dirty_since": AT, "run_at": AT, "attempts": 7,
    "token": 2**33, "flight_started_at": AT, "lease_until": AT,
    "aim": {"figure": "5", "version": 1, "news": 2, "write_key": 'a "b" \\c\\ {d, e}'},
    "unanswered": {"figure": "1E+2", "version": 1, "news": 2, "write_key": "ü\n"}, "ambiguous_until": AT,
    "pending": {"receipt": "NULL", "aim": None, "until": "x"}, "fall_seen_at": AT,
    "fall_quantity": Decimal(2), "writes": 9, "error_code": "NULL", "correlation_id": "",
    "error_detail": 'it said: "no" \\ {x},\nand\tmore – ümlaut', "observed_stamp": "2026-01-01T00:00:00",
}  # fmt: skip
EMPTY: dict[str, Any] = {
    **dict.fromkeys(
        ("desired", "observed", "observed_at", "acknowledged", "acknowledged_at", "dirty_since", "run_at",
         "flight_started_at", "lease_until", "aim", "unanswered", "ambiguous_until", "pending",
         "fall_seen_at", "fall_quantity")
    ),
    **dict.fromkeys(("desired_version", "desired_news", "news", "attempts", "token", "writes"), 0),
    **dict.fromkeys(("error_code", "error_detail", "correlation_id", "observed_stamp"), ""),
    "state": Listing.State.UNKNOWN, "lowered": Decimal(0), "urgent": False,
}  # fmt: skip


def _listings(*values: dict[str, Any]) -> list[Listing]:
    shop = make_channel()
    made = []
    for nth in range(len(values)):
        item = make_item(f"ITEM-{nth}")
        made.append(make_listing(map_item(shop, item, f"product:{nth + 1}")))
    return made


@pytest.mark.parametrize("values", [[FULL], [EMPTY], [FULL, EMPTY], [EMPTY, FULL, EMPTY]])
def test_every_column_of_every_listing_is_read_as_it_was_written(values: list[dict[str, Any]]) -> None:
    assert set(FULL) == set(EMPTY) == set(WRITTEN)
    listings = _listings(*values)
    for listing, wanted in zip(listings, values, strict=True):
        for name, value in wanted.items():
            setattr(listing, name, value)

    write_all(listings)

    for listing, wanted in zip(listings, values, strict=True):
        again = Listing.objects.get(pk=listing.pk)
        assert {name: getattr(again, name) for name in WRITTEN} == wanted
        assert again.external_id == listing.external_id


def test_a_document_that_is_not_there_is_null_in_the_table() -> None:
    [listing] = _listings(EMPTY)
    listing.aim = None

    write_all([listing])

    assert Listing.objects.filter(pk=listing.pk, aim__isnull=True).exists()


def test_others_are_left_as_they_are() -> None:
    one, other = _listings(FULL, EMPTY)
    one.error_detail = "mine"

    write_all([one])

    assert Listing.objects.get(pk=one.pk).error_detail == "mine"
    assert Listing.objects.get(pk=other.pk).error_detail == ""


def test_nothing_to_write_asks_for_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        write_all([])
