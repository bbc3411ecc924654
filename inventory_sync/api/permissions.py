"""Who may read what: an endpoint declares its scope, a key holds scopes, staff hold permissions.

Deny by default: an endpoint that declares nothing answers nobody.
"""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from inventory_sync.access.models import ApiKey

PUBLIC = "public"

# A signed-in member of staff reads through the API what the admin shows them.
STAFF_PERMISSIONS: dict[str, tuple[str, ...]] = {
    ApiKey.Scope.READ_STOCK: ("catalog.view_item", "catalog.view_location", "ledger.view_stocklevel"),
    ApiKey.Scope.READ_AVAILABILITY: ("availability.view_channelfigure",),
    ApiKey.Scope.READ_DELIVERIES: ("intake.view_delivery",),
    ApiKey.Scope.READ_ORDERS: ("ledger.view_order",),
    ApiKey.Scope.READ_CASES: ("cases.view_case",),
    ApiKey.Scope.WRITE_CASES: ("cases.view_case",),  # and the permission of each act
    ApiKey.Scope.RESERVE: ("ledger.view_order",),
}


class HasScope(BasePermission):
    """Allow what the view's `required_scope` says, and nothing else."""

    def has_permission(self, request: Request, view: Any) -> bool:
        scope = str(getattr(view, "required_scope", "") or "")
        if scope == PUBLIC:
            return True
        if not scope or not request.user.is_authenticated:
            return False
        if isinstance(request.auth, ApiKey):
            if scope in request.auth.scopes:
                return True
            raise PermissionDenied(f"This key does not hold the scope {scope!r}.")
        needed = STAFF_PERMISSIONS.get(scope)
        if needed and getattr(request.user, "is_staff", False) and request.user.has_perms(needed):
            return True
        raise PermissionDenied(f"Your account may not use the scope {scope!r}.")
