"""The failure inbox for other systems: cases, their groups, what may be done about them, runs of retries.

A key bound to channels sees the cases of those connections and no others. What is done is done by the
services of the cases room; a retry is frozen here and worked off by the pipeline.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, cast

from django.contrib.auth.models import AbstractBaseUser
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_sync.access.models import ApiKey
from inventory_sync.api.v1 import case_shapes as shapes
from inventory_sync.api.v1.once import HEADER, once
from inventory_sync.api.v1.paging import paged
from inventory_sync.api.v1.reading import PageQuery, ReadView
from inventory_sync.audit.services import Actor
from inventory_sync.cases import runbooks, runs, selectors, services
from inventory_sync.cases.models import Case, RetryLine, RetryRun
from inventory_sync.cases.selectors import Filters
from inventory_sync.domain.errors import CaseOver
from inventory_sync.pipeline.remedies.registry import remedy_for
from inventory_sync.support.clock import utc_now

NAME = OpenApiParameter(
    HEADER, OpenApiTypes.STR, OpenApiParameter.HEADER, description="Done once under this name, within a day."
)
ACTS: dict[str, type[shapes.Act]] = {
    "assign": shapes.Assign,
    "snooze": shapes.Snooze,
    "acknowledge": shapes.Act,
    "resolve": shapes.Act,
    "discard": shapes.Act,
    "retry": shapes.Retry,
}


class CasesView(ReadView):
    required_scope = ApiKey.Scope.READ_CASES
    query_type = shapes.CasesQuery

    @extend_schema(
        operation_id="list_cases",
        tags=["cases"],
        parameters=[shapes.CasesQuery],
        responses=paged(shapes.CaseShape),
    )
    def get(self, request: Request) -> Response:
        """List cases, newest first; the open ones unless a state is named."""
        query = self.query(request)
        filters = Filters(
            state=query["state"],
            code=query["code"],
            connection_code=query["connection"],
            team=query["team"],
            severity=query["severity"],
            assigned_to=query["assigned_to"],
            item_sku=query["item"],
            order_ref=query["order"],
            correlation_id=query["correlation_id"],
            snoozed=query["hidden"],
            opened_since=query["since"],
            connection_codes=_bound(request),
        )
        rows = selectors.cases(filters, now=utc_now())
        return self.page(request, rows, shapes.CaseShape, query, newest_first=True)


class GroupsView(ReadView):
    required_scope = ApiKey.Scope.READ_CASES
    query_type = shapes.GroupsQuery

    @extend_schema(
        operation_id="list_case_groups",
        tags=["cases"],
        parameters=[shapes.GroupsQuery],
        responses=shapes.GroupShape(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the open cases by code and connection, the most severe first."""
        query = self.query(request)
        filters = Filters(
            code=query["code"],
            connection_code=query["connection"],
            team=query["team"],
            severity=query["severity"],
            connection_codes=_bound(request),
        )
        return Response(shapes.GroupShape(selectors.groups(filters, now=utc_now()), many=True).data)


class CaseView(ReadView):
    required_scope = ApiKey.Scope.READ_CASES

    @extend_schema(operation_id="get_case", tags=["cases"], responses=shapes.CaseDetailShape)
    def get(self, request: Request, case: int) -> Response:
        """Read one case: what was tried, what a retry would do, and what to do about its code."""
        self.query(request)
        row = _case(request, case)
        remedy = remedy_for(row)
        told = cast(Any, row)
        told.attempts, told.retry = list(remedy.tries(row)), remedy.foresee(row, now=utc_now())
        told.runbook = runbooks.page(row.code)
        return Response(shapes.CaseDetailShape(row).data)


class ActView(ReadView):
    """One act on one case. The address names the act, the body says why."""

    required_scope = ApiKey.Scope.WRITE_CASES
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="act_on_case",
        tags=["cases"],
        parameters=[
            NAME,
            OpenApiParameter("act", OpenApiTypes.STR, OpenApiParameter.PATH, enum=sorted(ACTS)),
        ],
        request=shapes.Act,
        responses={200: shapes.CaseShape, 202: shapes.RunShape},
    )
    def post(self, request: Request, case: int, act: str) -> Response:
        """Assign (`to`), snooze (`until`), acknowledge, resolve, discard or retry (`per_minute`) one case."""
        asked = _asked(request, ACTS.get(act), act)
        row = _case(request, case)

        def do() -> tuple[int, Any]:
            if act == "retry":
                return 202, _run(_freeze([row.pk], asked, _actor(request)))
            _do(act, row.pk, asked, _actor(request))
            row.refresh_from_db()
            return 200, shapes.CaseShape(row).data

        return once(request, request.body, do)


class RetryView(ReadView):
    required_scope = ApiKey.Scope.WRITE_CASES
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="retry_cases",
        tags=["cases"],
        parameters=[NAME],
        request=shapes.RetryMany,
        responses={202: shapes.RunShape},
    )
    def post(self, request: Request) -> Response:
        """Retry a group, or the cases named, one after the other; what comes later is not among them."""
        asked = _asked(request, shapes.RetryMany, "retry")
        if (asked["cases"] is None) == (not asked["code"]):
            raise ValidationError({"cases": ["Name the cases, or the code of a group; not both."]})

        def do() -> tuple[int, Any]:
            filters = Filters(
                code=asked["code"],
                connection_code=asked["connection"],
                snoozed=None if asked["cases"] else False,
                connection_codes=_bound(request),
            )
            rows = selectors.cases(filters, now=utc_now())
            if asked["cases"] is not None:
                rows = rows.filter(pk__in=asked["cases"])
            ids = rows.order_by("pk").values_list("pk", flat=True)[: runs.MOST_IN_A_RUN]
            return 202, _run(_freeze(list(ids), asked, _actor(request)))

        return once(request, request.body, do)


class RunView(ReadView):
    required_scope = ApiKey.Scope.READ_CASES

    @extend_schema(operation_id="get_retry_run", tags=["cases"], responses=shapes.RunShape)
    def get(self, request: Request, run: int) -> Response:
        """Read how far a run is."""
        self.query(request)
        return self.single(request, _run(_found(request, run)))


class RunLinesView(ReadView):
    required_scope = ApiKey.Scope.READ_CASES
    query_type = PageQuery

    @extend_schema(
        operation_id="list_retry_run_lines",
        tags=["cases"],
        parameters=[PageQuery],
        responses=paged(shapes.LineShape),
    )
    def get(self, request: Request, run: int) -> Response:
        """List what became of every case of a run, in the order they are retried."""
        query = self.query(request)
        lines = RetryLine.objects.filter(run=_found(request, run))
        return self.page(request, lines, shapes.LineShape, query)


class CancelRunView(ReadView):
    required_scope = ApiKey.Scope.WRITE_CASES
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="cancel_retry_run",
        tags=["cases"],
        parameters=[NAME],
        request=shapes.Act,
        responses=shapes.RunShape,
    )
    def post(self, request: Request, run: int) -> Response:
        """Begin none of a run's cases any more; what has begun ends as it does."""
        asked = _asked(request, shapes.Act, "retry")
        row = _found(request, run)

        def do() -> tuple[int, Any]:
            runs.cancel_run(row.pk, actor=_actor(request), reason=asked["reason"], now=utc_now())
            row.refresh_from_db()
            return 200, _run(row)

        return once(request, request.body, do)


def _bound(request: Request) -> Collection[str] | None:
    """Return the connections a caller's key is bound to; None: all of them."""
    channels = request.auth.channels if isinstance(request.auth, ApiKey) else []
    return channels or None


def _case(request: Request, case_id: int) -> Case:
    rows = selectors.cases(Filters(state="", connection_codes=_bound(request)), now=utc_now())
    return get_object_or_404(rows, pk=case_id)


def _found(request: Request, run_id: int) -> RetryRun:
    """Return a run of nothing but cases the caller may see."""
    run = get_object_or_404(RetryRun, pk=run_id)
    bound = _bound(request)
    if bound is not None and run.lines.exclude(case__connection_code__in=bound).exists():
        raise Http404
    return run


def _asked(request: Request, kind: type[shapes.Act] | None, act: str) -> dict[str, Any]:
    """Return what a body asks for, if this caller may do it."""
    if kind is None:
        raise Http404
    permission = services.PERMISSIONS[act]
    user = request.user
    if isinstance(user, AbstractBaseUser) and not cast(Any, user).has_perm(permission):
        raise PermissionDenied(f"Your account does not hold the permission {permission!r}.")
    request.body  # noqa: B018 - kept before it is parsed, for its fingerprint
    body = kind(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def _actor(request: Request) -> Actor:
    return request.user if isinstance(request.user, AbstractBaseUser) else str(request.user)


def _do(act: str, case_id: int, asked: dict[str, Any], actor: Actor) -> None:
    """Do one act; raises CaseOver when the case was over before."""
    now, reason = utc_now(), asked["reason"]
    if act == "snooze" and asked["until"] <= now:
        raise ValidationError({"until": ["It must be a moment to come."]})
    done: dict[str, Callable[[], services.Acted]] = {
        "assign": lambda: services.assign([case_id], to=asked["to"], actor=actor, reason=reason, now=now),
        "snooze": lambda: services.snooze(
            [case_id], until=asked["until"], actor=actor, reason=reason, now=now
        ),
        "acknowledge": lambda: services.acknowledge([case_id], actor=actor, reason=reason, now=now),
        "resolve": lambda: services.resolve([case_id], actor=actor, reason=reason, now=now),
        "discard": lambda: services.discard([case_id], actor=actor, reason=reason, now=now),
    }
    if not done[act]().done and not Case.objects.filter(pk=case_id, state=Case.State.OPEN).exists():
        raise CaseOver("The case is over: its failure, seen again, opens a new one.")


def _freeze(case_ids: list[int], asked: dict[str, Any], actor: Actor) -> RetryRun:
    return runs.freeze_run(
        case_ids,
        actor=actor,
        reason=asked["reason"],
        per_minute=asked["per_minute"],
        code=asked.get("code", ""),
        connection_code=asked.get("connection") or "",
        now=utc_now(),
    )


def _run(row: RetryRun) -> dict[str, Any]:
    told = cast(Any, row)
    told.progress = selectors.progress([row])[row.pk]
    return dict(shapes.RunShape(row).data)
