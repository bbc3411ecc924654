"""The first account: made once, its password printed once or taken from the environment."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

pytestmark = pytest.mark.django_db


def ensure_admin() -> str:
    out = StringIO()
    call_command("ensure_admin", stdout=out)
    return out.getvalue()


def test_a_generated_password_is_printed_once_and_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADMIN_PASSWORD", raising=False)

    said = ensure_admin()

    admin = get_user_model().objects.get(username="admin")
    assert admin.check_password(said.strip().rstrip(".").rpartition(" ")[2])
    assert admin.is_superuser


def test_a_given_password_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "from the environment")

    said = ensure_admin()

    assert get_user_model().objects.get(username="admin").check_password("from the environment")
    assert "from the environment" not in said


def test_a_second_time_keeps_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "first")
    ensure_admin()
    monkeypatch.setenv("ADMIN_PASSWORD", "second")

    ensure_admin()

    assert get_user_model().objects.get(username="admin").check_password("first")
