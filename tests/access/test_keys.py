"""Keys of external systems: shown once, checked in constant time, ended for good."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from inventory_sync.access import services as access
from inventory_sync.access.models import ApiKey
from inventory_sync.audit.models import Entry
from tests.factories import NOON

pytestmark = pytest.mark.django_db


def a_key(**values: Any) -> tuple[ApiKey, str]:
    usual: dict[str, Any] = {
        "consumer": "partner",
        "scopes": ["stock:read"],
        "actor": "tests",
        "reason": "new",
    }
    return access.create_key(**(usual | values))


def test_a_key_opens_and_only_its_hash_is_kept() -> None:
    key, raw_key = a_key()

    assert access.verify(raw_key, now=NOON) == key
    kept = str(list(ApiKey.objects.values())) + str(list(Entry.objects.values()))
    assert raw_key.partition("_")[2] not in kept
    assert len(raw_key.partition("_")[2]) >= 43  # 256 random bits


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw[:-1] + ("a" if raw[-1] != "a" else "b"),
        lambda raw: raw.partition("_")[0],
        lambda raw: raw.upper(),
        lambda raw: "",
        lambda raw: "sync0000000000_" + raw.partition("_")[2],
    ],
)
def test_anything_but_the_key_opens_nothing(spoil) -> None:
    _, raw_key = a_key()

    assert access.verify(spoil(raw_key), now=NOON) is None


def test_a_key_ends_at_its_expiry_to_the_second() -> None:
    _, raw_key = a_key(expires_at=NOON)

    assert access.verify(raw_key, now=NOON - timedelta(seconds=1)) is not None
    assert access.verify(raw_key, now=NOON) is None


def test_a_revoked_key_opens_nothing_and_the_first_revocation_stands() -> None:
    key, raw_key = a_key()

    access.revoke_key(key_id=key.pk, actor="tests", reason="leaked", now=NOON)
    again = access.revoke_key(key_id=key.pk, actor="tests", reason="again", now=NOON + timedelta(days=1))

    assert access.verify(raw_key, now=NOON) is None
    assert again.revoked_at == NOON
    assert [entry.reason for entry in Entry.objects.filter(action="api_key.revoked")] == ["leaked"]


def test_use_is_noted_at_most_once_a_minute() -> None:
    key, raw_key = a_key()

    for seconds in (0, 30, 59):
        access.verify(raw_key, now=NOON + timedelta(seconds=seconds))
    key.refresh_from_db()
    first = key.last_used_at
    access.verify(raw_key, now=NOON + timedelta(seconds=60))

    key.refresh_from_db()
    assert (first, key.last_used_at) == (NOON, NOON + timedelta(seconds=60))


def test_another_installation_s_key_material_does_not_check_here(settings) -> None:
    _, raw_key = a_key()

    settings.INVENTORY_SYNC = settings.INVENTORY_SYNC | {"SECRETS_KEY": b64encode(b"x" * 32).decode()}

    assert access.verify(raw_key, now=NOON) is None


@pytest.mark.parametrize("scopes", [[], ["stock:read", "everything"]])
def test_a_key_needs_known_scopes(scopes) -> None:
    with pytest.raises(ValidationError):
        a_key(scopes=scopes)
