"""Staff see what a mirror was told, which movements stand behind it, and settle what was refused."""

from __future__ import annotations

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from inventory_sync.audit.models import Entry
from inventory_sync.connections import registry
from inventory_sync.propagation.models import MirrorDocument, MirrorLine, MirrorPlace
from tests.propagation.mirror_world import PLACE, World, open_world

pytestmark = pytest.mark.django_db
LIST = "admin:propagation_mirrordocument_changelist"


@pytest.fixture
def world(settings: LazySettings) -> World:
    settings.CONNECTORS = {**settings.CONNECTORS, "books": "tests.propagation.mirror_books"}
    registry.connector.cache_clear()
    world = open_world()
    world.item("MUG", stock=10)
    return world


@pytest.fixture
def refused(world: World) -> MirrorDocument:
    world.declare()
    world.books.refuses = {"product:MUG"}
    world.till("sale", ("MUG", "2"))
    world.settle()
    return MirrorDocument.objects.get()


def deed(name: str, row: MirrorDocument) -> str:
    return f"{reverse('admin:propagation_mirrordocument_deed', args=[name])}?ids={row.pk}"


def test_the_role_is_declared_in_the_form_and_begins_the_mirror(boss: Client, world: World) -> None:
    url = reverse("admin:catalog_locationmapping_add")
    assert "What lies here already is not" in boss.get(url).content.decode()

    boss.post(
        url,
        {
            "connection": world.target.pk, "external_id": PLACE, "location": world.hub.store.pk,
            "mirrors": "on", "reason": "for the accountants",
        },
    )  # fmt: skip

    assert MirrorPlace.objects.get().external_id == PLACE
    entry = Entry.objects.get(action="location_mapping.created", subject_label__contains=PLACE)
    assert entry.after is not None
    assert entry.after["mirrors"]


def test_the_form_refuses_whom_the_place_belongs_to(boss: Client, world: World) -> None:
    page = boss.post(
        reverse("admin:catalog_locationmapping_add"),
        {
            "connection": world.hub.till.pk, "external_id": "ST-9", "location": world.hub.store.pk,
            "mirrors": "on", "reason": "a try",
        },
    )  # fmt: skip

    assert "cannot keep a copy" in page.content.decode()
    assert not MirrorPlace.objects.exists()


def test_an_empty_page_says_how_a_mirror_begins(boss: Client) -> None:
    page = boss.get(reverse(LIST)).content.decode()

    assert "what lay there before is not" in page


def test_a_document_shows_its_lines_and_leads_to_their_movements(
    boss: Client, refused: MirrorDocument
) -> None:
    page = boss.get(reverse("admin:propagation_mirrordocument_change", args=[refused.pk])).content.decode()
    line = MirrorLine.objects.get()
    behind = reverse("admin:propagation_mirrorline_change", args=[line.pk])

    assert all(word in page for word in (refused.name, "product:MUG", "archived", behind, "1 movement"))
    assert "-2 sale" in boss.get(behind).content.decode()


def test_what_was_refused_is_owed_again_with_a_reason(boss: Client, refused: MirrorDocument) -> None:
    assert "product:MUG" in boss.get(deed("retry", refused)).content.decode()
    boss.post(deed("retry", refused), {"reason": ""})
    refused.refresh_from_db()
    assert refused.state == "refused"

    boss.post(deed("retry", refused), {"reason": "the product is back"})

    refused.refresh_from_db()
    assert refused.state == "owed"
    assert Entry.objects.get(action="mirror.retried").reason == "the product is back"


def test_what_was_refused_is_given_up_with_a_reason(boss: Client, refused: MirrorDocument) -> None:
    boss.post(deed("give-up", refused), {"reason": "thrown away"})

    refused.refresh_from_db()
    assert refused.state == "given_up"


def test_who_may_only_look_settles_nothing(signed_in, refused: MirrorDocument) -> None:
    client = signed_in("propagation.view_mirrordocument")
    client.post(deed("give-up", refused), {"reason": "why not"})

    refused.refresh_from_db()
    assert refused.state == "refused"


def test_places_say_since_when_they_are_mirrored(boss: Client, refused: MirrorDocument) -> None:
    page = boss.get(reverse("admin:propagation_mirrorplace_changelist")).content.decode()

    assert all(word in page for word in ("ST-1", PLACE, "1 document"))
