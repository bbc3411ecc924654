"""The scope × endpoint table. Its rows are the URL conf's: a new route without a row fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from inventory_sync.access.models import ApiKey
from inventory_sync.api.permissions import PUBLIC, STAFF_PERMISSIONS
from tests import factories

STOCK, AVAILABILITY = ApiKey.Scope.READ_STOCK, ApiKey.Scope.READ_AVAILABILITY
DELIVERIES, ORDERS = ApiKey.Scope.READ_DELIVERIES, ApiKey.Scope.READ_ORDERS
RESERVE = ApiKey.Scope.RESERVE
CASES, ACT = ApiKey.Scope.READ_CASES, ApiKey.Scope.WRITE_CASES

# Every route under /api/v1/, an address it answers, and the one scope that opens it.
TABLE: dict[str, tuple[str, str]] = {
    "items": ("items", STOCK),
    "items/<path:sku>": ("items/MUG", STOCK),
    "locations": ("locations", STOCK),
    "locations/<str:code>": ("locations/WH", STOCK),
    "stock-levels": ("stock-levels", STOCK),
    "stock-levels/<str:location>/<path:sku>": ("stock-levels/WH/MUG", STOCK),
    "channels": ("channels", AVAILABILITY),
    "channels/<str:connection>/availability": ("channels/shop/availability", AVAILABILITY),
    "channels/<str:connection>/availability/<path:sku>": ("channels/shop/availability/MUG", AVAILABILITY),
    "explain": ("explain?sku=MUG&channel=shop", AVAILABILITY),
    "deliveries": ("deliveries", DELIVERIES),
    "deliveries/<int:delivery>": ("deliveries/1", DELIVERIES),
    "orders": ("orders", ORDERS),
    "orders/<int:order>": ("orders/1", ORDERS),
    "orders/<str:channel>/<str:reference>": ("orders/shop/1001", ORDERS),
    "reservations": ("reservations", RESERVE),
    "reservations/<str:channel>/<str:reference>": ("reservations/shop/cart-1", RESERVE),
    "cases": ("cases", CASES),
    "cases/groups": ("cases/groups", CASES),
    "cases/retry": ("cases/retry", ACT),
    "cases/<int:case>": ("cases/1", CASES),
    "cases/<int:case>/<str:act>": ("cases/1/resolve", ACT),
    "retry-runs/<int:run>": ("retry-runs/1", CASES),
    "retry-runs/<int:run>/lines": ("retry-runs/1/lines", CASES),
    "retry-runs/<int:run>/cancel": ("retry-runs/1/cancel", ACT),
    "routes": ("routes", CASES),
    "problems/<str:code>": ("problems/resource.not_found", PUBLIC),
    "schemas": ("schemas", PUBLIC),
    "schemas/<str:name>/<int:version>": ("schemas/goods.received/1", PUBLIC),
    "openapi.json": ("openapi.json", PUBLIC),
    "docs/": ("docs/", PUBLIC),
}
KEYED = [(address, scope) for address, scope in TABLE.values() if scope != PUBLIC]
OPEN = [address for address, scope in TABLE.values() if scope == PUBLIC]


def routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route, pattern


def api_routes() -> dict[str, URLPattern]:
    found = dict(routes(get_resolver().url_patterns))
    return {
        route.removeprefix("api/v1/"): pattern for route, pattern in found.items() if route.startswith("api/")
    }


def test_every_route_has_a_row_in_this_table_and_every_row_a_route():
    assert set(TABLE) == set(api_routes()), "Add the new route to TABLE with the scope that opens it."


@pytest.mark.parametrize("route", TABLE)
def test_a_view_declares_the_scope_of_its_row(route: str):
    view: Any = api_routes()[route].callback

    assert str(view.view_class.required_scope) == str(TABLE[route][1])


@pytest.mark.parametrize("held", ApiKey.Scope.values)
@pytest.mark.parametrize(("address", "needed"), KEYED)
def test_a_key_opens_what_its_scope_names_and_nothing_else(caller, address: str, needed: str, held: str):
    response = caller(held).get(f"/api/v1/{address}")

    if held == needed:
        assert response.status_code in (200, 404, 405)  # 405: one may act there, not look
    else:
        assert response.status_code == 403
        assert response.json()["code"] == "key.scope_missing"
        assert needed in response.json()["detail"]


@pytest.mark.django_db
@pytest.mark.parametrize(("address", "needed"), KEYED)
def test_without_a_key_nothing_is_answered(address: str, needed: str):
    response = APIClient().get(f"/api/v1/{address}")

    assert response.status_code == 401
    assert response.json()["code"] == "request.unauthenticated"
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.django_db
@pytest.mark.parametrize("address", OPEN)
def test_what_describes_the_api_is_public(address: str):
    assert APIClient().get(f"/api/v1/{address}").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reason", "header"),
    [
        ("unknown", "Bearer sync0000000000_nothing"),
        ("empty", "Bearer "),
        ("not ASCII", "Bearer sync\xe9_x"),
        ("a control character", "Bearer a\x01b"),
        ("longer than any key", "Bearer " + "x" * 5000),
    ],
)
def test_a_wrong_key_is_refused_whatever_is_wrong_with_it(reason: str, header: str):
    response = APIClient().get("/api/v1/items", HTTP_AUTHORIZATION=header)

    assert response.status_code == 401, reason
    assert response.json()["code"] == "key.invalid"


def test_a_revoked_key_opens_nothing(caller):
    client = caller()
    key = ApiKey.objects.get()

    factories.change(key, revoked_at=factories.NOON)

    assert client.get("/api/v1/items").json()["code"] == "key.invalid"


@pytest.mark.django_db
@pytest.mark.parametrize(("address", "needed"), KEYED)
def test_staff_read_what_their_permissions_show_them_in_the_admin(address: str, needed: str):
    user = factories.make_user()
    client = APIClient()
    client.force_login(user)
    before = client.get(f"/api/v1/{address}")

    for name in STAFF_PERMISSIONS[needed]:
        app, _, codename = name.partition(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    after = client.get(f"/api/v1/{address}")

    assert before.status_code == 403
    assert after.status_code in (200, 404, 405)


@pytest.mark.django_db
def test_a_customer_account_that_is_not_staff_reads_nothing():
    client = APIClient()
    client.force_login(factories.make_user(staff=False, superuser=True))

    assert client.get("/api/v1/items").status_code == 403


@pytest.mark.django_db
def test_every_scope_a_key_may_hold_opens_an_endpoint_and_has_its_staff_permissions():
    read = {scope for _, scope in KEYED}
    written = {ApiKey.Scope.WRITE_ORDERS}  # at the door (test_orders_door.py), where staff do not ask

    assert read | written == set(ApiKey.Scope.values)
    assert read == set(STAFF_PERMISSIONS)
