"""Look at a live shop and say in sentences what is missing before trade depends on it. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from connectors.base.fields import clean
from connectors.base.http import Answer
from connectors.woocommerce.rest import NO_ROUTE, Rest
from inventory_sync.domain.errors import Misconfigured, RemoteRefused, SyncError
from inventory_sync.domain.ports import Probe

CLOCK_TOLERANCE_S = 120


def probe(rest: Rest, *, https: bool, now: Callable[[], datetime]) -> Probe:
    """Return what was found; network trouble is a problem like any other and never an exception."""
    facts: dict[str, str] = {}
    problems: list[str] = []
    one = (("per_page", "1"), ("_fields", "id"))
    answer = _look(problems, "read products", lambda: rest.get("/products", one), https=https)
    if answer is not None:
        facts["products"] = clean(answer.headers.get("x-wp-total", "unknown"), limit=20)
        _clock(facts, problems, answer, now)
        _look(problems, "read orders", lambda: rest.get("/orders", one), https=https)
        _look(problems, "read webhooks", lambda: rest.get("/webhooks", one), https=https)
        _look(
            problems,
            "write stock",
            lambda: rest.write("POST", "/products/batch", {"update": []}),
            https=https,
        )
        facts["variations_in_one_list"] = _has_route(rest, "/variations")
        facts.update(_system(rest))
    return Probe(ok=not problems, facts=facts, problems=problems)


def _look(
    problems: list[str], what: str, call: Callable[[], Answer | object], *, https: bool
) -> Answer | None:
    try:
        answer = call()
    except Misconfigured as error:
        hint = "" if https else " Over plain http only OAuth 1.0a works."
        problems.append(f"Cannot {what}: {error.detail}{hint}")
    except RemoteRefused as refused:
        if refused.vendor_code == NO_ROUTE:
            problems.append(
                f"Cannot {what}: the shop has no such route; is WooCommerce active, 3.5 or later?"
            )
        else:
            problems.append(f"Cannot {what}: {refused.detail}")
    except SyncError as error:
        permalinks = " Are pretty permalinks switched on (Settings → Permalinks, anything but Plain)?"
        problems.append(f"Cannot {what}: {error.detail}{permalinks}")
    else:
        return answer if isinstance(answer, Answer) else None
    return None


def _clock(facts: dict[str, str], problems: list[str], answer: Answer, now: Callable[[], datetime]) -> None:
    if answer.date is None:
        facts["clock_offset_s"] = "unknown"
        return
    offset = round((answer.date - now()).total_seconds())
    facts["clock_offset_s"] = str(offset)
    if abs(offset) > CLOCK_TOLERANCE_S:
        problems.append(f"The shop's clock is {offset} s off the hub's.")


def _has_route(rest: Rest, path: str) -> str:
    try:
        rest.get(path, (("per_page", "1"), ("_fields", "id")))
    except RemoteRefused as refused:
        return "no" if refused.vendor_code == NO_ROUTE else "unknown"
    except SyncError:
        return "unknown"
    return "yes"


def _system(rest: Rest) -> dict[str, str]:
    """Versions and order storage, where the key may read them."""
    try:
        report = rest.get_object("/system_status", (("_fields", "environment,settings"),))
    except SyncError:
        return {"version": "unknown", "order_storage": "unknown"}
    environment = report.get("environment")
    settings = report.get("settings")
    version = environment.get("version") if isinstance(environment, dict) else None
    hpos = settings.get("HPOS_enabled") if isinstance(settings, dict) else None
    return {
        "version": clean(str(version or "unknown"), limit=20),
        "order_storage": {True: "HPOS", False: "legacy"}.get(hpos, "unknown")
        if hpos is not None
        else "unknown",
    }
