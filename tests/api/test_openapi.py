"""The OpenAPI document: without warnings, complete, and true of the answers."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from jsonschema import Draft202012Validator

from inventory_sync.api.v1.schema import ALWAYS, WITH_KEY
from tests import factories
from tests.api.test_who_may_read_what import ACT, KEYED, TABLE


@pytest.fixture
def document(client: Client, db: Any) -> dict[str, Any]:
    response = client.get("/api/v1/openapi.json")
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


def test_the_document_is_made_without_a_warning():
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out)

    assert '"openapi"' in out.getvalue()


def test_every_endpoint_lists_its_problems_and_how_to_get_in(document):
    reached = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            keyed = any(operation.get("security", []))
            expected = set(ALWAYS) | (set(WITH_KEY) if keyed else set())
            assert expected <= set(operation["responses"]), path
            assert "application/problem+json" in operation["responses"]["404"]["content"], path
            assert operation["description"], path
            reached += method == "get"
    described = [
        route
        for route, (_, scope) in TABLE.items()
        if route not in ("openapi.json", "docs/") and scope != ACT
    ]
    assert reached == len(described)


def test_an_answer_is_what_the_document_says(document, partner):
    shop, item = factories.make_channel("shop"), factories.make_item("MUG")
    factories.make_location("WH", authority=shop)
    factories.map_item(shop, item)
    looked_at = [address for address, scope in KEYED if scope != ACT]
    checked = 0
    for address in looked_at:
        response = partner.get(f"/api/v1/{address}")
        operation = _operation(document, address)
        content = operation["responses"][str(response.status_code)]["content"]
        media_type = response.headers["Content-Type"]
        schema = {**content[media_type]["schema"], "components": _as_json_schema(document["components"])}
        Draft202012Validator(schema).validate(response.json())
        checked += 1
    assert checked == len(looked_at)


def test_the_page_needs_nothing_from_outside(client: Client, db: Any):
    page = client.get("/api/v1/docs/").content.decode()

    assert "/static/drf_spectacular_sidecar/" in page
    assert "https://" not in page.replace("https://www.w3.org", "")


def _operation(document: dict[str, Any], address: str) -> dict[str, Any]:
    route = next(route for route, (example, _) in TABLE.items() if example == address)
    for kind in ("path", "str", "int"):
        route = route.replace(f"<{kind}:", "{")
    found: dict[str, Any] = document["paths"]["/api/v1/" + route.replace(">", "}")]["get"]
    return found


def _as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 says nullable where JSON Schema says a type or null."""
    if isinstance(node, dict):
        node = {name: _as_json_schema(part) for name, part in node.items()}
        if node.pop("nullable", False):
            return {"anyOf": [node, {"type": "null"}]}
    elif isinstance(node, list):
        return [_as_json_schema(part) for part in node]
    return node
