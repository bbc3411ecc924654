"""The demo retailer: loaded once, whole, audited; a second start changes nothing staff did."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from inventory_sync.audit.models import Entry
from inventory_sync.availability.models import Policy
from inventory_sync.catalog.models import (
    Authority,
    Item,
    ItemMapping,
    ItemUnit,
    KitComponent,
    Location,
    LocationMapping,
)
from inventory_sync.connections import registry
from inventory_sync.connections.models import Connection
from inventory_sync.connections.services import hook_token_hash
from inventory_sync.ledger.models import DirtyItem, RequestTerms
from inventory_sync.propagation.models import MirrorPlace
from runner import demo

pytestmark = pytest.mark.django_db
KEYS = {
    "WOO_TWIN_KEY": "ck_" + "1" * 40,
    "WOO_TWIN_SECRET": "cs_" + "2" * 40,
    "TILL_TWIN_SECRET": "whsec_" + "MzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMz",
    "TILL_TWIN_TOKEN": "token-4444",
    "ODOO_TWIN_KEY": "5" * 40,
    "ODOO_TWIN_HOOK_TOKEN": "hook-token-of-the-odoo-twin",
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo.json"
    demo.main(["--out", str(path)])
    return path


@pytest.fixture
def load(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)

    def run(woo_url: str = "http://127.0.0.1:9101", file: Path = dataset) -> str:
        out = StringIO()
        call_command(
            "load_demo",
            str(file),
            woo_url=woo_url,
            till_url="http://127.0.0.1:9102",
            odoo_url="http://127.0.0.1:9103",
            hub_url="http://127.0.0.1:8000",
            stdout=out,
        )
        return out.getvalue()

    return run


def decided_by(code: str) -> dict[str, str]:
    rows = Authority.objects.filter(connection__code=code)
    return dict(rows.values_list("location__code", "location__mode"))


def counts() -> list[int]:
    models = (Item, ItemUnit, KitComponent, Location, Authority, ItemMapping, LocationMapping, Policy)
    return [model._default_manager.count() for model in models]


def test_everything_in_the_dataset_is_there_afterwards(load: Any, dataset: Path) -> None:
    data = json.loads(dataset.read_text(encoding="utf-8"))

    load()

    assert Item.objects.count() == len(data["items"])
    assert KitComponent.objects.count() == sum(len(item["components"]) for item in data["items"])
    assert Authority.objects.filter(connection__code="till").count() == len(data["till"]["stores"]) == 3
    assert decided_by("odoo") == {"WH-HAM": "figures", "WH-MUC": "figures"}
    assert ItemMapping.objects.filter(connection__code="odoo").count() == len(data["odoo"]["products"])
    assert ItemMapping.objects.filter(connection__code="till").count() == len(data["till"]["items"])
    assert LocationMapping.objects.filter(connection__code="woo", sells_for=True, fulfils=True).count() == 2
    assert DirtyItem.objects.count() == len(data["items"])
    unmapped = [p for p in data["woo"]["products"] if p["item"] is None and p["type"] != "variable"]
    assert len(unmapped) == 3
    shop = ItemMapping.objects.filter(connection__code="woo")
    assert not shop.filter(external_id__in=[f"product:{p['id']}" for p in unmapped]).exists()


def test_a_shared_pool_is_written_at_the_parent_and_named_by_its_variations(load: Any, dataset: Path) -> None:
    products = json.loads(dataset.read_text(encoding="utf-8"))["woo"]["products"]
    shared = next(p for p in products if p["manage_stock"] == "parent")

    load()

    parent = ItemMapping.objects.get(connection__code="woo", external_id=f"product:{shared['parent_id']}")
    variation = ItemMapping.objects.get(external_id=f"variation:{shared['id']}")
    assert (parent.kind, parent.publishes, variation.publishes) == ("parent_pool", True, False)
    assert variation.external_parent == parent.external_id
    assert parent.item == variation.item


def test_a_variable_parent_without_stock_is_ignored_on_purpose(load: Any, dataset: Path) -> None:
    products = json.loads(dataset.read_text(encoding="utf-8"))["woo"]["products"]
    parents = [p for p in products if p["type"] == "variable" and p["item"] is None]

    load()

    shop = ItemMapping.objects.filter(connection__code="woo")
    states = shop.filter(external_id__in=[f"product:{p['id']}" for p in parents])
    assert {row.state for row in states} == {"ignored"}
    assert len(states) == len(parents)


def test_the_connections_can_be_opened_with_the_secrets_of_the_environment(load: Any) -> None:
    load()

    woo = registry.config_of(Connection.objects.get(code="woo"))
    till = registry.config_of(Connection.objects.get(code="till"))
    assert (woo.consumer_key, woo.consumer_secret) == (KEYS["WOO_TWIN_KEY"], KEYS["WOO_TWIN_SECRET"])
    assert len(woo.webhook_secret) >= 32
    assert (till.signing_secret, till.token) == (KEYS["TILL_TWIN_SECRET"], KEYS["TILL_TWIN_TOKEN"])
    odoo = Connection.objects.get(code="odoo")
    config = registry.config_of(odoo)
    assert (config.api_key, config.send_orders, woo.tell_deliveries) == (KEYS["ODOO_TWIN_KEY"], True, True)
    assert odoo.hook_token_hash == hook_token_hash(KEYS["ODOO_TWIN_HOOK_TOKEN"])


def test_the_mirror_of_a_store_begins_before_anything_is_counted_there(load: Any) -> None:
    load()

    place = MirrorPlace.objects.get(connection__code="odoo")
    assert (place.location.code, place.external_id, place.until) == ("ST-BER", "warehouse:4", None)


def test_lines_of_the_web_shop_go_to_the_warehouse_that_has_most(load: Any) -> None:
    load()

    assert RequestTerms.objects.get(connection__code="woo").rules == ["fewest_splits", "rank"]


def test_where_the_tills_decide_the_warehouses_already_odoo_is_left_out(load: Any) -> None:
    load()
    till = Connection.objects.get(code="till")
    for model in (ItemMapping, LocationMapping, Authority):
        model._default_manager.filter(connection__code="odoo").delete()
    MirrorPlace.objects.all().delete()
    Connection.objects.filter(code="odoo").delete()
    for code in demo.SELLS_FROM:
        Authority.objects.create(location=Location.objects.get(code=code), connection=till)

    said = load()

    assert "It is left out" in said
    assert not Connection.objects.filter(code="odoo").exists()
    assert Authority.objects.filter(connection=till).count() == 5


def test_a_second_start_changes_nothing_and_keeps_what_staff_did(load: Any) -> None:
    load()
    secret = registry.config_of(Connection.objects.get(code="woo")).webhook_secret
    row = ItemMapping.objects.filter(connection__code="woo", state="confirmed").first()
    assert row is not None
    row.numerator = 7
    row.save()
    before, entries = counts(), Entry.objects.count()

    said = load()

    row.refresh_from_db()
    assert (counts(), Entry.objects.count()) == (before, entries)
    assert row.numerator == 7
    assert "there already" in said
    assert registry.config_of(Connection.objects.get(code="woo")).webhook_secret == secret


def test_a_twin_on_another_port_is_followed(load: Any) -> None:
    load()

    load(woo_url="http://127.0.0.1:9999")

    assert Connection.objects.get(code="woo").config["base_url"] == "http://127.0.0.1:9999"


def test_a_file_that_is_no_dataset_is_named(load: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{", encoding="utf-8")

    with pytest.raises(CommandError, match=r"bad\.json"):
        load(file=bad)
