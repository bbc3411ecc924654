"""What every endpoint of v1 shares: strict query parameters, keyset pages, ETags.

A view parses its query, calls one function of selectors.py, and shapes the answer with its serializer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.utils.cache import patch_vary_headers
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from inventory_sync.api.errors import CursorInvalid

M = TypeVar("M", bound=Model)

LARGEST_PAGE = 500
USUAL_PAGE = 100
LARGEST_BULK = 500


@extend_schema_field({"type": "string", "format": "decimal", "example": "12.5"})
class Quantity(serializers.Field):
    """An exact decimal as a string without needless zeros; never a float."""

    def to_representation(self, value: Decimal) -> str:
        return plain(value)

    def to_internal_value(self, data: Any) -> Decimal:
        raise NotImplementedError("quantities are only read here")


def plain(value: Decimal) -> str:
    """Return 12 for 12.000000, and 120 for 1.2E+2."""
    return f"{value.normalize():f}" if value else "0"


@extend_schema_field(OpenApiTypes.STR)
class Names(serializers.Field):
    """Comma-separated names, at most 500, in the order asked and each once."""

    def to_internal_value(self, data: Any) -> list[str]:
        if "\x00" in str(data):
            raise ValidationError("No name holds a NUL character.")
        names = list(dict.fromkeys(part.strip() for part in str(data).split(",") if part.strip()))
        if len(names) > LARGEST_BULK:
            raise ValidationError(f"At most {LARGEST_BULK} names at once; {len(names)} were given.")
        return names

    def to_representation(self, value: list[str]) -> str:
        return ",".join(value)


class Query(serializers.Serializer):
    """Query parameters. An unknown one is refused: a misspelt filter must not return everything."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields))
        if unknown:
            known = ", ".join(sorted(self.fields)) or "none"
            raise ValidationError({name: [f"Unknown parameter; known are: {known}."] for name in unknown})
        return super().to_internal_value(data)


class PageQuery(Query):
    limit = serializers.IntegerField(
        min_value=1, max_value=LARGEST_PAGE, default=USUAL_PAGE, help_text="Rows per page."
    )
    cursor = serializers.CharField(
        required=False, default="", help_text="The `cursor` part of `next` of the page before."
    )


class ReadView(APIView):
    """A view that only reads. `required_scope` is declared by each one; without it nobody is answered."""

    required_scope: str = ""
    query_type: type[Query] = Query
    http_method_names = ["get", "head", "options"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if any("\x00" in str(value) for value in kwargs.values()):
            raise NotFound("No name holds a NUL character.")

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Keep answers out of shared caches: each key sees its own."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        patch_vary_headers(response, ["Authorization", "Cookie"])
        return response

    def query(self, request: Request) -> dict[str, Any]:
        query = self.query_type(data=request.query_params)
        query.is_valid(raise_exception=True)
        return dict(query.validated_data)

    def page(
        self,
        request: Request,
        rows: QuerySet[M],
        serializer: type[serializers.BaseSerializer],
        query: dict[str, Any],
        *,
        newest_first: bool = False,
    ) -> Response:
        """Answer one page by key, so that rows added meanwhile never shift or repeat a page."""
        listing = request.path
        if query["cursor"]:
            key = read_cursor(query["cursor"], listing=listing)
            rows = rows.filter(**{"id__lt" if newest_first else "id__gt": key})
        limit = query["limit"]
        found = list(rows.order_by("-id" if newest_first else "id")[: limit + 1])
        following = None
        if len(found) > limit:
            found = found[:limit]
            parameters = request.query_params.copy()
            parameters["cursor"] = make_cursor(int(found[-1].pk), listing=listing)
            following = request.build_absolute_uri(f"{listing}?{urlencode(parameters)}")
        return Response({"results": serializer(found, many=True).data, "next": following})

    def single(self, request: Request, data: Any) -> Response:
        """Answer one resource with its ETag, or 304 when the caller holds it already."""
        tag = etag(data)
        headers = {"ETag": tag}
        if holds(request.headers.get("If-None-Match", ""), tag):
            return Response(status=304, headers=headers)
        return Response(data, headers=headers)


def etag(data: Any) -> str:
    """Return a tag of the content itself: equal content, equal tag, on every host."""
    return f'"{hashlib.sha256(JSONRenderer().render(data)).hexdigest()[:32]}"'


def holds(if_none_match: str, tag: str) -> bool:
    given = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return "*" in given or tag in given


def make_cursor(key: int, *, listing: str) -> str:
    packed = json.dumps([listing, key], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read_cursor(cursor: str, *, listing: str) -> int:
    """Return the key of the last row seen, or raise CursorInvalid."""
    try:
        packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        made_for, key = json.loads(packed)
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise CursorInvalid from error
    if made_for != listing or not isinstance(key, int) or not 0 <= key < 2**63:
        raise CursorInvalid
    return key
