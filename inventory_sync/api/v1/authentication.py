"""`Authorization: Bearer <key>`: who calls. Keys are made, hashed and checked in the access room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from inventory_sync.access.models import ApiKey
from inventory_sync.access.services import verify
from inventory_sync.support.clock import utc_now


@dataclass(frozen=True, slots=True)
class Consumer:
    """The caller as REST framework's `request.user`: a system, never a person."""

    name: str
    is_authenticated: bool = True
    is_active: bool = True
    is_staff: bool = False

    def __str__(self) -> str:
        return self.name


class ApiKeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Consumer, ApiKey] | None:
        """Return the consumer and its key, or None when no Bearer key was sent."""
        kind, _, raw_key = request.headers.get("Authorization", "").strip().partition(" ")
        if kind.lower() != "bearer":
            return None
        key = verify(raw_key.strip(), now=utc_now()) if raw_key.isascii() and raw_key.isprintable() else None
        if key is None:
            raise AuthenticationFailed("The key is unknown, expired or revoked.")
        return Consumer(key.consumer), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="inventory-sync"'


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """Tell the OpenAPI document how a key is sent."""

    target_class = "inventory_sync.api.v1.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key made by staff in the admin."}
