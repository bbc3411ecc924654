"""How the admin looks and where its pages are found. Read by the settings; imports no model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

BANDS = {"production": "danger", "staging": "warning", "development": "info", "test": "info"}


def environment(request: HttpRequest) -> list[str]:
    """Return the word and the colour of the band that says where one is."""
    name = str(settings.INVENTORY_SYNC["ENVIRONMENT"])
    return [name.capitalize(), BANDS.get(name.lower(), "warning")]


def _may(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)


def _page(title: str, icon: str, model: str, query: str = "") -> dict[str, Any]:
    """A changelist in the sidebar, shown to those who may see its model (app_model)."""
    app, name = model.split("_", 1)
    link: Any = reverse_lazy(f"admin:{model}_changelist")
    return {
        "title": title,
        "icon": icon,
        "link": (lambda request, link=link, query=query: f"{link}{query}") if query else link,
        "permission": _may(f"{app}.view_{name}"),
    }


def _view(title: str, icon: str, name: str) -> dict[str, Any]:
    """A page of its own in the sidebar, shown to those who may see figures."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{name}"),
        "permission": _may("availability.view_channelfigure"),
    }


def _flower(request: HttpRequest) -> str:
    return str(settings.FLOWER_URL)


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Inventory sync",
    "SITE_HEADER": "Inventory sync",
    "SITE_SUBHEADER": "One stock record, shown everywhere",
    "SITE_SYMBOL": "conveyor_belt",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "ENVIRONMENT": "inventory_sync.console.theme.environment",
    "DASHBOARD_CALLBACK": "inventory_sync.console.dashboard.dashboard",
    "STYLES": [lambda request: static("console/console.css")],
    "BORDER_RADIUS": "8px",
    "COLORS": {
        "primary": {
            "50": "oklch(97.5% .013 215)",
            "100": "oklch(94% .03 215)",
            "200": "oklch(88.5% .055 215)",
            "300": "oklch(80.5% .085 215)",
            "400": "oklch(70% .105 216)",
            "500": "oklch(60% .108 218)",
            "600": "oklch(51% .098 219)",
            "700": "oklch(44.5% .084 220)",
            "800": "oklch(38.5% .068 222)",
            "900": "oklch(33.5% .055 224)",
            "950": "oklch(25% .043 226)",
        }
    },
    "COMMAND": {"search_callback": "inventory_sync.console.search.palette", "search_models": False},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "navigation": [
            {
                "items": [
                    {"title": "Control room", "icon": "space_dashboard", "link": reverse_lazy("admin:index")},
                    {
                        "title": "Inbox",
                        "icon": "inbox",
                        "link": reverse_lazy("admin:cases_case_inbox"),
                        "permission": _may("cases.view_case"),
                    },
                    _page("All cases", "support", "cases_case", "?state__exact=open"),
                    _page("Retries", "refresh", "cases_retryrun"),
                ]
            },
            {
                "title": "Catalog",
                "separator": True,
                "items": [
                    _page("Items", "inventory_2", "catalog_item"),
                    _page("Locations", "account_tree", "catalog_location"),
                    _page("Units", "straighten", "catalog_unit"),
                ],
            },
            {
                "title": "Connections",
                "separator": True,
                "items": [
                    _page("Connections", "cable", "connections_connection"),
                    _page("Item mappings", "link", "catalog_itemmapping"),
                    _page("Location mappings", "add_location", "catalog_locationmapping"),
                ],
            },
            {
                "title": "Incoming",
                "separator": True,
                "items": [
                    _page("Deliveries", "move_to_inbox", "intake_delivery"),
                    _page("Parked lines", "hourglass_top", "intake_parkedline", "?waiting=open"),
                    _page("Failed deliveries", "error", "intake_delivery", "?state__exact=rejected"),
                    _page("Reads due", "sync", "intake_readdue"),
                    _page("Replays", "replay", "pipeline_replay"),
                ],
            },
            {
                "title": "Stock",
                "separator": True,
                "items": [
                    _view("Explain", "query_stats", "catalog_item_explain"),
                    _view("Timeline", "timeline", "catalog_item_timeline"),
                    _page("Stock levels", "shelves", "ledger_stocklevel"),
                    _page("Movements", "swap_horiz", "ledger_movement"),
                    _page("Announcements", "local_shipping", "ledger_expectation"),
                    _page("Periods", "calendar_month", "ledger_period"),
                    _page("Late postings", "history_toggle_off", "ledger_lateposting"),
                    _page("Orders", "shopping_bag", "ledger_order"),
                    _page("Reservations", "bookmark", "ledger_reservation"),
                    _page("Orders at the ERP", "assignment_turned_in", "workflows_copy"),
                    _page("Deliveries told", "campaign", "workflows_deliverytold"),
                ],
            },
            {
                "title": "Channels",
                "separator": True,
                "items": [
                    _page("Policies", "tune", "availability_policy"),
                    _page("Policy versions", "history", "availability_policyversion"),
                    _page("Request routing", "alt_route", "ledger_requestterms"),
                    _page("Allotments", "lock_clock", "availability_allotment"),
                    _page("Safety stocks", "shield", "availability_safetystock"),
                    _page("Freshness", "timer", "availability_freshness"),
                    _page("Figures", "function", "availability_channelfigure"),
                    _page("Listings", "storefront", "propagation_listing"),
                    _page("Owed pushes", "outbox", "propagation_listing", "?state__exact=owed"),
                    _page("Failed pushes", "sms_failed", "propagation_listing", "?state__exact=failed"),
                    _page("Held writes", "front_hand", "propagation_writehold", "?state__exact=waiting"),
                    _page("Guards", "security", "propagation_laneguard"),
                    _page("Mirrored movements", "content_copy", "propagation_mirrordocument"),
                    _page("Mirrored locations", "flip", "propagation_mirrorplace"),
                    _page("Push attempts", "history", "propagation_pushattempt"),
                ],
            },
            {
                "title": "Access",
                "separator": True,
                "items": [
                    _page("API keys", "key", "access_apikey"),
                    _page("Users", "person", "auth_user"),
                    _page("Roles", "groups", "auth_group"),
                ],
            },
            {
                "title": "Audit",
                "separator": True,
                "items": [
                    _page("Who is told", "campaign", "cases_route"),
                    _page("Messages to people", "outgoing_mail", "cases_message"),
                    _page("Missing numbers", "link_off", "ledger_gap", "?state__exact=open"),
                    _page("Audit", "policy", "audit_entry"),
                    _page("Evidence", "verified", "pipeline_evidence"),
                    _page("Rounds of checks", "rule", "pipeline_verification"),
                    {
                        "title": "Queues (Flower)",
                        "icon": "local_florist",
                        "link": _flower,
                        "permission": lambda request: request.user.is_superuser,
                    },
                ],
            },
        ],
    },
}
