"""The Django admin, one module per group of the sidebar. Importing this registers the pages."""

from django.contrib import admin

from inventory_sync.console.admin import (
    access,
    approvals,
    case_runs,
    cases,
    catalog,
    channels,
    connections,
    declared,
    goods,
    incoming,
    locations,
    mappings,
    mirror,
    missing,
    orders_sent,
    proof,
    replays,
    routing,
    stock,
    telling,
    watch,
)

admin.site.index_title = "Control room"

__all__ = [
    "access",
    "approvals",
    "case_runs",
    "cases",
    "catalog",
    "channels",
    "connections",
    "declared",
    "goods",
    "incoming",
    "locations",
    "mappings",
    "mirror",
    "missing",
    "orders_sent",
    "proof",
    "replays",
    "routing",
    "stock",
    "telling",
    "watch",
]
