"""Who decides what is at a location, from when to when, and what a change of it begins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from inventory_sync.audit.models import Entry
from inventory_sync.catalog import authorities
from inventory_sync.catalog.models import Authority, Location, Tenure
from inventory_sync.catalog.resolve import LocationTarget
from inventory_sync.catalog.selectors import load_directory, tenures_of
from inventory_sync.domain.modes import Mode
from tests import factories as make
from tests.factories import NOON

pytestmark = pytest.mark.django_db
BY: dict[str, Any] = {"actor": "jo", "reason": "because"}
HOUR = timedelta(hours=1)


def target(connection: Any, ref: str = "ST") -> LocationTarget:
    directory = load_directory(connection_ids=[connection.pk], item_refs=[], location_refs=[ref])
    return directory.location(connection.pk, ref)


def test_the_first_authority_holds_from_the_beginning_and_a_virtual_place_has_none() -> None:
    site, till = make.make_location("WH"), make.make_till()

    effect = authorities.assign_authority(site, till, **BY)

    assert site.authority is not None
    assert (site.authority.connection, site.authority.valid_from) == (till, None)
    assert effect.places == frozenset(), "nothing was known here before"
    with pytest.raises(ValidationError, match="virtual"):
        authorities.assign_authority(make.virtual(Location.Kind.CUSTOMER), till, **BY)


def test_a_change_ends_one_authority_and_begins_the_next_and_a_tenure_with_it() -> None:
    old, new = make.make_till(), make.make_till()
    site = make.make_location("WH", authority=old, complete_since=NOON)
    make.map_location(new, site, "hall", counts_from=True)

    effect = authorities.assign_authority(site, new, at=NOON, after_reading=7, **BY)

    spans = [(row.connection, row.valid_from, row.valid_to) for row in site.authorities.order_by("id")]
    assert spans == [(old, None, NOON), (new, NOON, None)]
    assert effect.places == {site.pk}
    assert set(effect.waits) == {(new.pk, "authority:WH"), (new.pk, "mode:WH")}
    site.refresh_from_db()
    assert site.complete_since is None, "what nobody told is no longer known to be none"
    tenure = Tenure.objects.get(location=site)
    assert (tenure.was, tenure.mode, tenure.starts_at, tenure.after_reading) == (
        "movements", "movements", NOON, 7,
    )  # fmt: skip
    actions = set(Entry.objects.values_list("action", flat=True))
    assert {"authority.ended", "authority.changed", "tenure.begun", "location.changed"} <= actions


def test_an_authority_that_continues_the_same_books_begins_no_tenure() -> None:
    site = make.make_location("WH", authority=make.make_till())

    effect = authorities.assign_authority(site, make.make_till(), at=NOON, continues=True, **BY)

    assert effect.places == frozenset()
    assert not Tenure.objects.exists()


def test_a_change_is_undone_by_a_further_change() -> None:
    old, new = make.make_till(), make.make_till()
    site = make.make_location("WH", authority=old)

    authorities.assign_authority(site, new, at=NOON, after_reading=7, **BY)
    authorities.assign_authority(site, old, at=NOON + HOUR, after_reading=9, **BY)

    assert site.authority is not None
    assert site.authority.connection == old
    assert site.authorities.count() == 3


@pytest.mark.parametrize("at", [NOON, NOON - HOUR])
def test_a_change_is_later_than_the_one_before(at: Any) -> None:
    site = make.make_location("WH", authority=make.make_till())
    authorities.assign_authority(site, make.make_till(), at=NOON, after_reading=7, **BY)

    with pytest.raises(ValidationError, match="began later"):
        authorities.assign_authority(site, make.make_till(), at=at, after_reading=9, **BY)
    with pytest.raises(ValidationError, match="was later"):
        authorities.change_mode(site, "figures", at=at, after_reading=9, **BY)
    with pytest.raises(ValidationError, match="from when"):
        authorities.assign_authority(site, make.make_till(), **BY)


def test_the_database_itself_refuses_two_authorities_at_one_time() -> None:
    site = make.make_location("WH")
    make.make_authority(site, make.make_till(), valid_to=NOON)
    make.make_authority(site, make.make_till(), valid_from=NOON)
    make.make_authority(site, make.make_till(), attribute="expectations")

    with pytest.raises(IntegrityError, match="one_authority_on_hand"), transaction.atomic():
        make.make_authority(site, make.make_till(), valid_from=NOON - HOUR, valid_to=NOON + HOUR)
    with pytest.raises(IntegrityError, match="an_authority_lasts"), transaction.atomic():
        make.make_authority(site, make.make_till(), valid_from=NOON, valid_to=NOON - HOUR)


def test_a_report_is_decided_by_whom_it_concerned_when_it_happened() -> None:
    old, new, hub = make.make_till(), make.make_till(), make.make_connection()
    site = make.make_location("WH", authority=old)
    make.map_location(old, site, "ST", counts_from=True)
    authorities.assign_authority(site, new, at=NOON, after_reading=7, **BY)
    authorities.assign_authority(site, hub, attribute=Authority.Attribute.EXPECTATIONS, **BY)

    place = target(old)

    assert place.decider(NOON - HOUR) == old.pk
    assert place.decider(NOON) == new.pk
    assert place.decider(NOON, "unavailable") == new.pk, "nobody was named for it apart"
    assert place.decider(NOON, "expectations") == hub.pk
    assert place.authority_connection_id == new.pk


def test_nobody_decides_a_place_whose_authority_was_withdrawn() -> None:
    till = make.make_till()
    site = make.make_location("WH", authority=till)
    make.map_location(till, site, "ST", counts_from=True, observes=True)

    authorities.assign_authority(site, None, at=NOON, after_reading=7, **BY)

    place = target(till)
    assert (place.decider(NOON - HOUR), place.decider(NOON)) == (till.pk, None)
    assert place.observes


def test_a_mode_changes_by_an_act_and_each_report_has_its_tenure() -> None:
    till = make.make_till()
    site = make.make_location("WH", authority=till)
    make.map_location(till, site, "ST", counts_from=True)

    effect = authorities.change_mode(site, "figures", at=NOON, after_reading=7, **BY)
    authorities.change_mode(site, "movements", at=NOON + HOUR, after_reading=9, **BY)

    assert effect.places == {site.pk}
    tenures = target(till).modes()
    assert [tenure.mode for tenure in tenures.all] == [Mode.MOVEMENTS, Mode.FIGURES, Mode.MOVEMENTS]
    assert [tenures.of_reading(reading) for reading in (7, 8, 9, 10)] == [0, 1, 1, 2]
    assert tenures.at(NOON) == 1
    assert tenures_of([site.pk]) == {site.pk: tenures}
    assert target(till).mode is Mode.MOVEMENTS
    with pytest.raises(ValidationError, match="already"):
        authorities.change_mode(site, "movements", at=NOON + 2 * HOUR, after_reading=9, **BY)
