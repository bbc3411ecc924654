"""Make the account `admin`, so that somebody can sign in. Does not change a password that exists."""

from __future__ import annotations

import os
import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import transaction

from inventory_sync.audit import services as audit

NAME = "admin"


class Command(BaseCommand):
    help = "Make the account 'admin'. Its password is ADMIN_PASSWORD, or a new one printed once."

    def handle(self, *args: Any, **options: Any) -> None:
        given = os.environ.get("ADMIN_PASSWORD", "")
        password = given or secrets.token_urlsafe(12)
        users = get_user_model()._default_manager
        with transaction.atomic():
            admin, new = users.get_or_create(
                **{users.model.USERNAME_FIELD: NAME}, defaults={"is_staff": True, "is_superuser": True}
            )
            if not new:
                self.stdout.write(f"The account '{NAME}' exists; its password stays as it is.")
                return
            admin.set_password(password)
            admin.save()
            audit.record(
                actor="ensure_admin", action="user.created", subject=admin, reason="The first account."
            )
        told = "with the password of ADMIN_PASSWORD" if given else f"with the password {password}"
        self.stdout.write(f"Made the account '{NAME}' {told}.")
