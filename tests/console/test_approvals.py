"""The approval page: the effect before the click, who may click, and what is on record afterwards."""

from __future__ import annotations

import pytest
from django.test import Client

from inventory_sync.audit.models import Entry
from inventory_sync.propagation.models import HeldFigure, Listing, WriteHold
from inventory_sync.support.clock import utc_now
from tests.factories import make_channel, make_item, make_listing, make_user, map_item

pytestmark = pytest.mark.django_db


@pytest.fixture
def hold() -> WriteHold:
    shop = make_channel("woo")
    now = utc_now()
    row = WriteHold.objects.create(
        connection=shop, kind="first_sync", state="waiting", opened_at=now, frozen_at=now,
        ends_at=now.replace(year=now.year + 1), of_listings=2, listings=2, to_zero=1, shown=12, wanted=30,
        shift=40,
    )  # fmt: skip
    for sku, shown, wanted in (("MUG", 11, 0), ("BOWL", 1, 30)):
        listing = make_listing(
            map_item(shop, make_item(sku), f"product:{sku}"), desired=wanted, state="waiting"
        )
        HeldFigure.objects.create(
            hold=row, listing=listing, shown=shown, wanted=wanted, shift=abs(wanted - shown)
        )
    return row


def page(hold: WriteHold, deed: str = "approve") -> str:
    return f"/admin/propagation/writehold/deed/{deed}/?ids={hold.pk}"


def staff(superuser: bool) -> Client:
    client = Client()
    client.force_login(make_user("jo", password="x", superuser=superuser))
    return client


def test_the_page_shows_what_would_happen_biggest_shift_first(hold: WriteHold) -> None:
    text = staff(superuser=True).get(page(hold)).content.decode()

    assert "333.3 %" in text
    assert "2 of 2" in text
    assert text.index("product:BOWL (BOWL): 1 → 30") < text.index("product:MUG (MUG): 11 → 0")


def test_approving_is_on_record_with_its_reason(hold: WriteHold) -> None:
    client = staff(superuser=True)

    client.post(page(hold), {"reason": "The catalogue was checked."})

    hold.refresh_from_db()
    assert (hold.state, hold.decided_by, hold.reason) == ("approved", "jo", "The catalogue was checked.")
    entry = Entry.objects.get(action="hold.approved")
    assert (entry.actor_name, entry.subject_id) == ("jo", str(hold.pk))


def test_a_decision_needs_a_reason(hold: WriteHold) -> None:
    staff(superuser=True).post(page(hold), {"reason": ""})

    hold.refresh_from_db()
    assert hold.state == "waiting"


def test_who_was_overtaken_is_told_and_changes_nothing(hold: WriteHold) -> None:
    client = staff(superuser=True)
    client.post(page(hold, "reject"), {"reason": "Wrong mapping."})

    answer = client.post(page(hold, "reject"), {"reason": "Again."})

    assert "not waiting any more" in answer.content.decode()
    hold.refresh_from_db()
    assert hold.reason == "Wrong mapping."


def test_without_the_permission_nobody_decides(hold: WriteHold) -> None:
    client = staff(superuser=False)

    assert client.post(page(hold), {"reason": "Let me."}).status_code in (302, 403)

    hold.refresh_from_db()
    assert hold.state == "waiting"


def test_the_lists_open_and_name_what_waits(hold: WriteHold) -> None:
    client = staff(superuser=True)

    for address in ("writehold/", f"writehold/{hold.pk}/change/", "laneguard/", "laneguard/add/"):
        assert client.get(f"/admin/propagation/{address}").status_code == 200, address
    assert Listing.objects.filter(state="waiting").count() == 2
    assert "Waits for approval" in client.get("/admin/propagation/listing/").content.decode()
