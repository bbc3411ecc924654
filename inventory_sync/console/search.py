"""One search for everything: SKU, GTIN, a vendor's id, an order, a correlation id. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

from inventory_sync.cases.models import Case
from inventory_sync.catalog.models import Item, ItemMapping, Location
from inventory_sync.intake.models import Delivery
from inventory_sync.ledger.models import Movement, Order
from inventory_sync.propagation.models import Listing, PushAttempt

EACH = 6


def palette(request: HttpRequest, search_term: str) -> list[SearchResult]:
    """Return what the term names, exact matches of an id first; only what the person may see."""
    term = search_term.strip()
    if len(term) < 2:
        return []
    return [
        *_trail(request, term),
        *_items(request, term),
        *_mappings(request, term),
        *_orders(request, term),
        *_listings(request, term),
        *_places(request, term),
        *_cases(request, term),
    ]


def _trail(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    if not request.user.has_perm("intake.view_delivery"):
        return
    carriers = (Delivery, Movement, PushAttempt)
    if any(model._default_manager.filter(correlation_id=term).exists() for model in carriers):
        link = reverse("admin:intake_delivery_trail", args=[term])
        yield SearchResult(f"Trail of {term}", "Correlation id, from the door to the channel", link, "route")


def _items(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    if not request.user.has_perm("catalog.view_item"):
        return
    wanted = Q(sku__icontains=term) | Q(gtin=term) | Q(units__gtin=term) | Q(name__icontains=term)
    for item in Item.objects.filter(wanted).distinct().order_by("sku")[:EACH]:
        link = reverse("admin:catalog_item_change", args=[item.pk])
        yield SearchResult(str(item), f"Item {item.gtin}".strip(), link, "inventory_2")
        if request.user.has_perm("availability.view_channelfigure"):
            why = f"{reverse('admin:catalog_item_explain')}?{urlencode({'sku': item.sku})}"
            yield SearchResult(f"Explain {item.sku}", "Why its figures are what they are", why, "query_stats")


def _mappings(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    if not request.user.has_perm("catalog.view_itemmapping"):
        return
    wanted = Q(external_id__iexact=term) | Q(external_id__iendswith=f":{term}") | Q(external_sku__iexact=term)
    for row in ItemMapping.objects.filter(wanted).select_related("connection", "item")[:EACH]:
        link = reverse("admin:catalog_itemmapping_change", args=[row.pk])
        means = row.item.sku if row.item else row.get_state_display().lower()
        yield SearchResult(
            f"{row.connection.label} {row.external_id}", f"Mapping, means {means}", link, "link"
        )


def _orders(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    if not request.user.has_perm("ledger.view_order"):
        return
    found = Order.objects.filter(Q(order_ref__iexact=term) | Q(number__iexact=term)).select_related(
        "connection"
    )
    for order in found.order_by("-id")[:EACH]:
        link = reverse("admin:ledger_order_change", args=[order.pk])
        yield SearchResult(f"Order {order}", f"Order, {order.status}", link, "shopping_bag")


def _listings(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    if not request.user.has_perm("propagation.view_listing"):
        return
    wanted = (
        Q(external_id__iexact=term)
        | Q(external_id__iendswith=f":{term}")
        | Q(mapping__item__sku__iexact=term)
    )
    for row in Listing.objects.filter(wanted).select_related("connection", "mapping")[:EACH]:
        link = reverse("admin:propagation_listing_change", args=[row.pk])
        state = row.get_state_display().lower()
        yield SearchResult(
            f"{row.connection.label} {row.external_id}", f"Listing, {state}", link, "storefront"
        )


def _places(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    if not request.user.has_perm("catalog.view_location"):
        return
    for place in Location.objects.filter(Q(code__icontains=term) | Q(name__icontains=term))[:EACH]:
        link = reverse("admin:catalog_location_change", args=[place.pk])
        yield SearchResult(str(place), place.get_kind_display(), link, "account_tree")


def _cases(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    if not request.user.has_perm("cases.view_case"):
        return
    for case in Case.objects.filter(Q(subject_id=term) | Q(correlation_id=term), state=Case.State.OPEN)[
        :EACH
    ]:
        link = reverse("admin:cases_case_change", args=[case.pk])
        yield SearchResult(case.summary, f"Open case {case.code}", link, "support")
