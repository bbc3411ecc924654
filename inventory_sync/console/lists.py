"""Filters behind the named lists of the control room: late figures, failed requests, returns left lying."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from inventory_sync.ledger.models import Expectation, Reservation
from inventory_sync.propagation.models import Listing
from inventory_sync.support.clock import utc_now

RETURNS_AFTER = timedelta(hours=4)


def late_listings() -> Q:
    """Return what is owed for longer than its tier may take; an urgent figure is critical."""
    now, targets = utc_now(), settings.INVENTORY_SYNC["FRESHNESS_TARGETS"]
    urgent, other = (
        Q(urgent=is_urgent, dirty_since__lt=now - timedelta(seconds=targets[tier].within_s))
        for is_urgent, tier in ((True, "critical"), (False, "standard"))
    )
    return Q(state=Listing.State.OWED) & (urgent | other)


def refused_requests() -> Q:
    """Return the lines of requests that got nothing."""
    return Q(order__requested=True, state=Reservation.State.REJECTED)


def returns_left() -> Q:
    """Return announced returns that are open, and of which nothing was heard for hours."""
    return Q(
        kind=Expectation.Kind.RETURN,
        status=Expectation.Status.OPEN,
        over=False,
        changed_at__lt=utc_now() - RETURNS_AFTER,
    )


class LateFilter(admin.SimpleListFilter):
    title = "lateness"
    parameter_name = "late"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("tier", "Late beyond its tier")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Listing]) -> QuerySet[Listing]:
        return queryset.filter(late_listings()) if self.value() else queryset


class FailedRequestFilter(admin.SimpleListFilter):
    title = "requests"
    parameter_name = "request"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("failed", "Asked of us and refused")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Reservation]) -> QuerySet[Reservation]:
        return queryset.filter(refused_requests()) if self.value() else queryset


class LyingFilter(admin.SimpleListFilter):
    title = "returns"
    parameter_name = "lying"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("hours", "Not processed for hours")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Expectation]) -> QuerySet[Expectation]:
        return queryset.filter(returns_left()) if self.value() else queryset
