"""Connections: settings as declared, secrets that go in and never come out, states with reasons."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError

from inventory_sync.audit.models import Entry
from inventory_sync.connections import secrets, services
from inventory_sync.connections.models import Connection, Secret
from inventory_sync.domain.config import setting
from inventory_sync.domain.errors import Misconfigured
from inventory_sync.domain.ports import Capabilities
from tests.factories import NOON

pytestmark = pytest.mark.django_db


@dataclass(frozen=True, slots=True)
class ShopConfig:
    base_url: str = setting("Address")
    api_key: str = setting("Key", secret=True)
    patience_s: int = setting("Patience", default=30)


SHOP: Any = SimpleNamespace(
    code="shop",
    label="Shop",
    config_type=ShopConfig,
    capabilities=Capabilities(sells=True, calls_per_s=3, burst=9),
)
WHY: dict[str, Any] = {"actor": "tests", "reason": "a new shop"}


def a_shop(**values):
    values = {"base_url": "https://shop.example.com", "api_key": "k-very-secret"} | values
    return services.create_connection(
        connector=SHOP, code="north", label="North", values=values, now=NOON, **WHY
    )


def test_a_new_connection_keeps_settings_apart_from_sealed_secrets_and_has_a_full_budget() -> None:
    row = a_shop()

    assert row.config == {"base_url": "https://shop.example.com"}
    assert row.sells
    assert (row.budget.tokens, row.budget.rate_per_s, row.budget.burst) == (9, 3, 9)
    assert secrets.read_all(row) == {"api_key": "k-very-secret"}


def test_no_row_and_no_audit_entry_shows_a_secret() -> None:
    row = a_shop()
    services.edit_connection(
        connection_id=row.pk, connector=SHOP, values={"api_key": "k-other-secret"}, **WHY
    )

    everything = str(
        [list(model.objects.values()) for model in (Connection, Entry)]
        + [bytes(secret.ciphertext) for secret in Secret.objects.all()]
    )
    assert "very-secret" not in everything
    assert "other-secret" not in everything
    assert secrets.read_all(row) == {"api_key": "k-other-secret"}
    assert Entry.objects.filter(action="secret.set").count() == 2


def test_an_empty_secret_keeps_the_one_there_is() -> None:
    row = a_shop()

    services.edit_connection(
        connection_id=row.pk, connector=SHOP, values={"api_key": "", "patience_s": 5}, **WHY
    )

    row.refresh_from_db()
    assert row.config == {"base_url": "https://shop.example.com", "patience_s": 5}
    assert secrets.read_all(row) == {"api_key": "k-very-secret"}


def test_a_missing_or_unknown_setting_is_refused_and_nothing_is_kept() -> None:
    with pytest.raises(Misconfigured, match="api_key"):
        a_shop(api_key="")
    with pytest.raises(Misconfigured, match="colour"):
        a_shop(colour="red")
    with pytest.raises(ValidationError):
        services.create_connection(
            connector=SHOP,
            code="Not A Code",
            label="x",
            values={"base_url": "https://x.example", "api_key": "k"},
            now=NOON,
            **WHY,
        )

    assert not Connection.objects.exists()


def test_a_secret_moved_to_another_row_or_name_does_not_open() -> None:
    ciphertext, key_id = secrets.seal(1, "api_key", "k")

    assert secrets.unseal(1, "api_key", ciphertext, key_id) == "k"
    for place in ((2, "api_key"), (1, "token")):
        with pytest.raises(Misconfigured):
            secrets.unseal(*place, ciphertext, key_id)
    with pytest.raises(Misconfigured, match="another key"):
        secrets.unseal(1, "api_key", ciphertext, "0" * 16)


def test_pause_and_resume_are_written_down_with_their_reason() -> None:
    row = a_shop()

    services.pause(connection_id=row.pk, actor="jo", reason="stocktaking")
    row.refresh_from_db()
    paused = (row.state, row.state_reason)
    services.resume(connection_id=row.pk, actor="jo", reason="done")

    row.refresh_from_db()
    assert paused == ("paused", "stocktaking")
    assert (row.state, row.state_reason) == ("active", "")
    entry = Entry.objects.get(action="connection.paused")
    assert (entry.actor_name, entry.reason) == ("jo", "stocktaking")
    assert entry.before == {"state": "active", "state_reason": "", "state_since": None}


def test_misconfigured_ends_with_the_next_edit_but_never_overrides_a_pause() -> None:
    row = a_shop()

    services.mark_misconfigured(connection_id=row.pk, detail="401", actor="pipeline.push")
    row.refresh_from_db()
    state = row.state
    services.edit_connection(connection_id=row.pk, connector=SHOP, values={"api_key": "k2"}, **WHY)
    row.refresh_from_db()
    after_edit = row.state
    services.pause(connection_id=row.pk, **WHY)
    services.mark_misconfigured(connection_id=row.pk, detail="401", actor="pipeline.push")

    row.refresh_from_db()
    assert (state, after_edit, row.state) == ("misconfigured", "active", "paused")


def test_the_hook_token_is_returned_once_and_only_its_hash_is_kept() -> None:
    row = a_shop()

    token = services.rotate_hook_token(connection_id=row.pk, **WHY)

    row.refresh_from_db()
    assert row.hook_token_hash == services.hook_token_hash(token)
    assert token not in str(list(Connection.objects.values()) + list(Entry.objects.values()))


@pytest.mark.parametrize("key", ["", "k" * 43, "bm90IGVub3VnaA==", "!" * 44])
def test_a_useless_key_is_named(settings, key) -> None:
    settings.INVENTORY_SYNC = settings.INVENTORY_SYNC | {"SECRETS_KEY": key}

    with pytest.raises(ImproperlyConfigured, match="SYNC_SECRETS_KEY"):
        secrets.seal(1, "api_key", "k")


def test_the_key_may_be_given_in_either_alphabet(settings) -> None:
    raw = bytes([251, 255] * 16)
    settings.INVENTORY_SYNC = settings.INVENTORY_SYNC | {"SECRETS_KEY": urlsafe_b64encode(raw).decode()}
    ciphertext, key_id = secrets.seal(1, "api_key", "k")

    settings.INVENTORY_SYNC = settings.INVENTORY_SYNC | {"SECRETS_KEY": b64encode(raw).decode()}

    assert secrets.unseal(1, "api_key", ciphertext, key_id) == "k"
