"""Callers of the API: keys by scope, and a client that speaks with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from inventory_sync.access.models import ApiKey
from inventory_sync.access.services import create_key

Caller = Callable[..., APIClient]


@pytest.fixture
def caller(db: Any) -> Caller:
    """Return a maker of clients whose key holds the scopes named; none named: all of them."""

    def make(*scopes: str) -> APIClient:
        _, raw_key = create_key(
            consumer="a partner",
            scopes=list(scopes or ApiKey.Scope.values),
            actor="tests",
            reason="a test",
        )
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {raw_key}")
        return client

    return make


@pytest.fixture
def partner(caller: Caller) -> APIClient:
    return caller()


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """No test here is about passwords; hashing one a million times is."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
