"""Deeds: shown before the click, done with permission and reason, written down, shown afterwards."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from inventory_sync.audit.models import Entry
from inventory_sync.cases.services import open_case
from inventory_sync.catalog.models import LocationMapping
from inventory_sync.connections.services import hook_token_hash
from tests.console.conftest import Retailer
from tests.factories import NOON

pytestmark = pytest.mark.django_db


def deed(page: str, name: str, *ids: int) -> str:
    return f"{reverse(f'admin:{page}_deed', args=[name])}?ids={','.join(map(str, ids))}"


def test_a_replay_is_shown_before_it_is_done(boss: Client, retailer: Retailer) -> None:
    page = boss.get(deed("intake_delivery", "replay", retailer.delivery.pk)).content.decode()

    assert "order:482" in page
    assert "Gift card 10 euro" in page
    assert "already count once" in page
    retailer.delivery.refresh_from_db()
    assert retailer.delivery.state == "parked"


def test_a_replay_sets_the_delivery_pending_and_is_written_down(boss: Client, retailer: Retailer) -> None:
    answer = boss.post(
        deed("intake_delivery", "replay", retailer.delivery.pk), {"reason": "mapping fixed"}, follow=True
    )

    retailer.delivery.refresh_from_db()
    assert retailer.delivery.state == "pending"
    entry = Entry.objects.get(action="delivery.requeued")
    assert (entry.actor_name, entry.reason) == ("boss", "mapping fixed")
    assert "This is how it stands now" in answer.content.decode()


@pytest.mark.parametrize("reason", ["", "   "])
def test_without_a_reason_nothing_is_done(reason: str, boss: Client, retailer: Retailer) -> None:
    boss.post(deed("intake_delivery", "replay", retailer.delivery.pk), {"reason": reason})

    retailer.delivery.refresh_from_db()
    assert retailer.delivery.state == "parked"


def test_seeing_deliveries_is_not_enough_to_replay_them(signed_in, retailer: Retailer) -> None:
    client = signed_in("intake.view_delivery")

    url = deed("intake_delivery", "replay", retailer.delivery.pk)
    assert client.get(url).status_code == 403
    assert client.post(url, {"reason": "let me"}).status_code == 403
    listed = client.get(reverse("admin:intake_delivery_changelist")).content.decode()
    assert "Replay…" not in listed


def test_the_permission_is_enough_to_replay(signed_in, retailer: Retailer) -> None:
    client = signed_in("intake.view_delivery", "console.replay_delivery")

    client.post(deed("intake_delivery", "replay", retailer.delivery.pk), {"reason": "mapping fixed"})

    retailer.delivery.refresh_from_db()
    assert retailer.delivery.state == "pending"


def test_ticked_rows_are_frozen_into_the_address(boss: Client, retailer: Retailer) -> None:
    answer = boss.post(
        reverse("admin:intake_delivery_changelist"),
        {"action": "replay", "_selected_action": [retailer.delivery.pk]},
    )

    assert answer.status_code == 302
    assert answer["Location"] == deed("intake_delivery", "replay", retailer.delivery.pk)


def test_a_retry_shows_the_figure_and_what_the_channel_shows(boss: Client, retailer: Retailer) -> None:
    url = deed("propagation_listing", "retry", retailer.listing.pk)
    page = boss.get(url).content.decode()
    boss.post(url, {"reason": "the shop is back"})

    assert "Would send" in page
    assert "The shop said no." in page
    retailer.listing.refresh_from_db()
    assert (retailer.listing.state, retailer.listing.attempts) == ("owed", 0)
    assert Entry.objects.get(action="push.retried").reason == "the shop is back"


def test_a_parked_line_is_closed_without_being_applied(boss: Client, retailer: Retailer) -> None:
    boss.post(deed("intake_parkedline", "resolve", retailer.parked.pk), {"reason": "gift cards are no stock"})

    retailer.parked.refresh_from_db()
    retailer.delivery.refresh_from_db()
    assert retailer.parked.resolution == "gift cards are no stock"
    assert retailer.delivery.state == "done"


def test_a_connection_is_paused_and_resumed_with_a_reason(boss: Client, retailer: Retailer) -> None:
    boss.post(deed("connections_connection", "pause", retailer.shop.pk), {"reason": "stocktaking"})
    retailer.shop.refresh_from_db()
    paused = (retailer.shop.state, retailer.shop.state_reason)
    boss.post(deed("connections_connection", "resume", retailer.shop.pk), {"reason": "done"})

    retailer.shop.refresh_from_db()
    assert paused == ("paused", "stocktaking")
    assert retailer.shop.state == "active"


def test_a_hook_token_is_shown_once(boss: Client, retailer: Retailer) -> None:
    answer = boss.post(deed("connections_connection", "token", retailer.shop.pk), {"reason": "for Odoo"})

    page = answer.content.decode()
    token = page.split("/hooks/shop/")[1].split("/")[0]
    retailer.shop.refresh_from_db()
    assert retailer.shop.hook_token_hash == hook_token_hash(token)
    assert "no-store" in answer["Cache-Control"]
    assert token not in boss.get(deed("connections_connection", "token", retailer.shop.pk)).content.decode()


def test_a_case_is_resolved_with_its_resolution(boss: Client) -> None:
    case = open_case(code="push.refused", subject_kind="listing", subject_id=1, summary="no", now=NOON)

    boss.post(
        f"{reverse('admin:cases_case_act', args=['resolve'])}?ids={case.pk}",
        {"reason": "listing was deleted at the shop"},
    )

    case.refresh_from_db()
    assert (case.state, case.resolution) == ("resolved", "listing was deleted at the shop")


def test_a_location_mapping_is_removed(boss: Client, retailer: Retailer) -> None:
    row = LocationMapping.objects.get(connection=retailer.shop)

    answer = boss.post(deed("catalog_locationmapping", "remove", row.pk), {"reason": "closed"}, follow=True)

    assert answer.status_code == 200
    assert not LocationMapping.objects.filter(pk=row.pk).exists()


def test_an_unknown_deed_is_not_found(boss: Client) -> None:
    assert boss.get(deed("intake_delivery", "explode", 1)).status_code == 404


def test_nonsense_ids_choose_nothing(boss: Client, retailer: Retailer) -> None:
    page = boss.get(f"{reverse('admin:intake_delivery_deed', args=['replay'])}?ids=x,²,-1").content.decode()

    assert "Nothing chosen" in page
