"""Error reports, scrubbed: what failed and where, never what was in it.

No bodies, no cookies, no local variables, no users, a few harmless headers; secrets and addresses are cut out
of messages too. Started by the settings when SENTRY_DSN is set, and only then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import sentry_sdk
from sentry_sdk.transport import Transport

from inventory_sync.support import correlation
from inventory_sync.support.redaction import CUT, redact

KEPT_HEADERS = frozenset({"content-type", "content-length", "host", "user-agent", "x-correlation-id"})
KEPT_CONTEXTS = frozenset({"runtime", "os", "trace"})
KEPT_CRUMB_DATA = frozenset({"method", "status_code", "reason"})
KEPT_TAGS = frozenset({"correlation_id", "connection", "tier", "code", "process"})


def start(dsn: str, *, environment: str, transport: type[Transport] | Transport | None = None) -> None:
    """Begin to report errors. `transport` replaces the network, for tests."""
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        transport=transport,
        max_request_body_size="never",
        include_local_variables=False,
        include_source_context=True,
        server_name="inventory-sync",
        traces_sample_rate=0.0,
        profiles_sample_rate=0.0,
        auto_session_tracking=False,
        before_send=scrub_event,
        before_breadcrumb=scrub_crumb,
    )


def scrub_event(event: Any, hint: Any = None) -> Any:
    """Return the event with only what is known to be harmless; what is not named here is dropped."""
    kept: dict[str, Any] = {
        name: event[name]
        for name in ("event_id", "timestamp", "level", "platform", "release", "environment", "logger", "sdk")
        if name in event
    }
    kept["server_name"] = "inventory-sync"
    if "transaction" in event:
        kept["transaction"] = redact(str(event["transaction"]))
    if "exception" in event:
        values = (event["exception"] or {}).get("values") or []
        kept["exception"] = {"values": [_exception(value) for value in values]}
    if "logentry" in event:
        entry = event["logentry"] or {}
        kept["logentry"] = {"message": redact(str(entry.get("formatted") or entry.get("message") or ""))}
    if "message" in event:
        kept["message"] = redact(str(event["message"]))
    if "request" in event:
        kept["request"] = _request(event["request"] or {})
    contexts = event.get("contexts") or {}
    kept["contexts"] = {name: value for name, value in contexts.items() if name in KEPT_CONTEXTS}
    kept["tags"] = {name: str(v) for name, v in dict(event.get("tags") or {}).items() if name in KEPT_TAGS}
    if current := correlation.current():
        kept["tags"]["correlation_id"] = current
    crumbs = event.get("breadcrumbs") or {}
    values = crumbs.get("values", []) if isinstance(crumbs, Mapping) else crumbs
    kept["breadcrumbs"] = {"values": [scrub_crumb(crumb) for crumb in values]}
    return kept


def scrub_crumb(crumb: Any, hint: Any = None) -> Any:
    data = {name: value for name, value in (crumb.get("data") or {}).items() if name in KEPT_CRUMB_DATA}
    if url := (crumb.get("data") or {}).get("url"):
        data["url"] = _address(str(url))
    kept = {name: crumb[name] for name in ("type", "category", "level", "timestamp") if name in crumb}
    return {**kept, "message": redact(str(crumb.get("message") or "")), "data": data}


def _exception(value: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        name: value[name] for name in ("type", "module", "thread_id") if value.get(name) is not None
    }
    kept["value"] = redact(str(value.get("value") or ""))
    mechanism = value.get("mechanism") or {}
    kept["mechanism"] = {name: mechanism[name] for name in ("type", "handled") if name in mechanism}
    frames = (value.get("stacktrace") or {}).get("frames") or []
    kept["stacktrace"] = {
        "frames": [{name: part for name, part in frame.items() if name != "vars"} for frame in frames]
    }
    return kept


def _request(request: Mapping[str, Any]) -> dict[str, Any]:
    headers = request.get("headers") or {}
    return {
        "method": request.get("method"),
        "url": _address(str(request.get("url") or "")),
        "headers": {name: str(v) for name, v in headers.items() if name.lower() in KEPT_HEADERS},
    }


def _address(url: str) -> str:
    """Return scheme, host and path; a hook's path token and the query are cut."""
    parts = urlsplit(url)
    path = re.sub(r"(/hooks/[^/]+/)[^/]+", rf"\1{CUT}", parts.path)
    host = parts.hostname or ""
    if parts.port:
        host = f"{host}:{parts.port}"
    return redact(f"{parts.scheme}://{host}{path}" if parts.scheme else path)
