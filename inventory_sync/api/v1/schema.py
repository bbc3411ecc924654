"""The OpenAPI document, the page that shows it, and the page of each problem."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_sync.api.errors import MEDIA_TYPE
from inventory_sync.api.permissions import PUBLIC, HasScope
from inventory_sync.api.problems import KINDS
from inventory_sync.api.v1.reading import ReadView
from inventory_sync.domain.errors import all_errors


class DocumentView(SpectacularJSONAPIView):
    required_scope = PUBLIC
    permission_classes = [HasScope]


class PageView(SpectacularSwaggerView):
    required_scope = PUBLIC
    permission_classes = [HasScope]


class ProblemShape(serializers.Serializer):
    code = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField(allow_null=True)
    remedy = serializers.CharField()


class ProblemView(ReadView):
    """The `type` of a problem leads here."""

    required_scope = PUBLIC

    @extend_schema(operation_id="get_problem", tags=["problems"], auth=[], responses=ProblemShape)
    def get(self, request: Request, code: str) -> Response:
        """Read what a problem's code means and what to do."""
        self.query(request)
        if kind := KINDS.get(code):
            found = {"code": code, "title": kind.title, "status": kind.status, "remedy": kind.remedy}
            return self.single(request, ProblemShape(found).data)
        for error in all_errors():
            if error.code == code:
                title = (error.__doc__ or error.__name__).strip().splitlines()[0]
                found = {"code": code, "title": title, "status": None, "remedy": "See docs/errors.md."}
                return self.single(request, ProblemShape(found).data)
        raise Http404


PROBLEM = {
    "type": "object",
    "description": "RFC 9457. Decide on `code`; the words may change.",
    "required": ["type", "title", "status", "detail", "instance", "code", "correlation_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "code": {"type": "string"},
        "correlation_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"parameter": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
ALWAYS = ("400", "404", "405", "406", "500", "503")
WITH_KEY = ("401", "403")


def add_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Postprocessing hook: name the problem answers of every operation, and the 304 of every ETag."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in result["paths"].values():
        for method, operation in path.items():
            if method not in ("get", "post", "put", "patch", "delete"):
                continue
            keyed = any(operation.get("security", [{}]))
            for status in ALWAYS + (WITH_KEY if keyed else ()):
                titles = [kind.title for kind in KINDS.values() if str(kind.status) == status]
                operation["responses"].setdefault(
                    status, {"description": "; ".join(titles) + ".", "content": content}
                )
            if operation["operationId"].startswith(("get_", "explain_")):
                operation["responses"].setdefault("304", {"description": "As the caller's ETag says."})
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return result
