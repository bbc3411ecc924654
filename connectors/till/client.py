"""One till system over HTTP: events by sequence, stock, stores and items; maps failures to our errors.

The till is an authority, not a channel: nothing is written to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx

from connectors.base.fields import clean, quantity_of
from connectors.base.http import Answer, HttpClient, Limits, Query, dump_json
from connectors.till.config import TillConfig
from connectors.till.progress import Progress
from connectors.till.webhooks import dedupe_key
from inventory_sync.domain.errors import (
    MalformedPayload,
    Misconfigured,
    RemoteRefused,
    RemoteUnavailable,
    SyncError,
    Transient,
    Unsupported,
)
from inventory_sync.domain.ports import (
    ExternalListing,
    Found,
    HookState,
    LevelWrite,
    ListingLevel,
    ListingRef,
    Outside,
    Probe,
    Stream,
    SweepPage,
    WriteResult,
)

EVENTS = Stream(name="events", every_s=60, overlap_s=0)
CLOCK_TOLERANCE_S = 120


class TillClient:
    """Calls raise only SyncError. `transport` is for tests that replay exchanges."""

    def __init__(
        self,
        config: TillConfig,
        *,
        connection: str,
        outside: Outside | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._config = config
        bearer = {"Authorization": f"Bearer {config.token}"}
        self._http = HttpClient(
            connection=connection,
            base_url=config.base_url,
            sign=lambda _method, _path, query: (bearer, query),
            secrets=(config.token, *config.signing_secrets()),
            allow_insecure=config.allow_insecure,
            limits=Limits(read_s=float(config.timeout_s), total_s=float(config.timeout_s) * 2),
            outside=outside,
            transport=transport,
        )

    def close(self) -> None:
        self._http.close()

    # ── events ──

    def sweep(self, stream: str, cursor: str, *, now: datetime) -> SweepPage:
        """Return the next page of one store: of numbers missing so far, then of what follows the last one."""
        if stream != EVENTS.name:
            raise Unsupported(f"A till has no stream {stream[:60]!r}.")
        progress = Progress.load(cursor)
        if not progress.todo:
            progress = replace(progress, todo=tuple(self.stores()), looked=0)
            if not progress.todo:
                return SweepPage([], progress.dump(), done=True)
        store = progress.todo[0]
        wanted = progress.wanted(store)
        after = wanted[0] - 1 if wanted else progress.after.get(store, 0)
        page = self._get("/v1/events", _events_query(store, after, self._config.page_size))
        events = _list(page, "events")
        seen = {_sequence(event) for event in events}
        further = _whole(page.get("next_after"))
        more = further > after
        up_to = max([after, *seen, further] if more else [after, *seen])
        if wanted:
            late = [event for event in events if _sequence(event) in wanted]
            progress = progress.asked(store, seen, up_to=up_to if more else wanted[-1], now=now)
            return SweepPage(
                [_found(event) for event in late],
                progress.dump(),
                done=False,
                missing_at=store,
                missing=progress.gaps(store),
            )
        progress = progress.read(store, seen, up_to=up_to, more=more, now=now)
        return SweepPage(
            [_found(event) for event in events],
            progress.dump(),
            done=not progress.todo,
            missing_at=store,
            missing=progress.gaps(store),
        )

    def read_object(self, kind: str, ref: str) -> Found:
        """Return one event ("event", "STORE:SEQUENCE"), a store's stock ("store", "STORE"), or what the books
        say of one item everywhere ("item", "SKU").
        """
        if kind == "item":
            said = self._get("/v1/snapshot", (("item", ref),))
            return Found("snapshot.read", dump_json(said), "", f"item:{ref}"[:160])
        if kind == "store":
            stock = self._get("/v1/stock", (("store", ref),))
            return Found("stock.read", dump_json({**stock, "store": ref}), "", f"store:{ref}")
        store, _, sequence = ref.rpartition(":")
        if (
            kind != "event"
            or not store
            or not (sequence.isascii() and sequence.isdigit() and len(sequence) < 18)
        ):
            raise Unsupported(f"A till has no {kind[:60]!r} {ref[:60]!r} that can be read by itself.")
        page = self._get("/v1/events", _events_query(store, max(int(sequence) - 1, 0), 1))
        for event in _list(page, "events"):
            if _sequence(event) == int(sequence):
                return _found(event)
        raise RemoteRefused(
            f"The till has no event {sequence} of store {clean(store, limit=64)}.", status=404
        )

    # ── what it shows ──

    def stores(self) -> list[str]:
        """Return the ids of the stores and warehouses this system keeps."""
        rows = _list(self._get("/v1/stores"), "stores")
        ids = [row.get("store", row.get("id")) if isinstance(row, Mapping) else row for row in rows]
        return sorted({one for one in ids if isinstance(one, str) and 0 < len(one) <= 64})

    def read_levels(self, refs: Sequence[ListingRef]) -> list[ListingLevel]:
        """Return the till's own figures, one call per store, for comparing; a missing SKU has none."""
        shown: dict[str, dict[str, Decimal]] = {}
        stamps: dict[str, str] = {}
        for store in dict.fromkeys(ref.location_ref for ref in refs):
            if not store:
                continue
            stock = self._get("/v1/stock", (("store", store),))
            stamps[store] = str(stock.get("as_of_sequence", ""))
            shown[store] = {sku: figure for sku, figure in map(_stock_item, _list(stock, "items")) if sku}
        return [
            ListingLevel(
                ref, shown.get(ref.location_ref, {}).get(ref.external_id), stamps.get(ref.location_ref, "")
            )
            for ref in refs
        ]

    def listings(self) -> Iterator[ExternalListing]:
        """Yield the items the tills know, by SKU; their figures are kept per store."""
        after = ""
        while True:
            rows = _list(self._get("/v1/items", (("after", after), ("limit", "500"))), "items")
            skus = [
                row["sku"] for row in rows if isinstance(row, Mapping) and isinstance(row.get("sku"), str)
            ]
            for row in rows:
                if isinstance(row, Mapping) and isinstance(row.get("sku"), str) and row["sku"] > after:
                    yield ExternalListing(
                        ref=ListingRef(row["sku"]),
                        sku=clean(row["sku"]),
                        name=clean(str(row.get("name") or "")),
                        gtin=clean(str(row.get("gtin") or ""), limit=20),
                        managed=False,
                    )
            last = max(skus, default="")
            if not rows or last <= after:
                return
            after = last

    def probe(self) -> Probe:
        """Look whether the token reads; network trouble is a problem like any other."""
        facts: dict[str, str] = {}
        problems: list[str] = []
        try:
            answer = self._call("/v1/stores", ())
            facts["stores"] = ", ".join(self.stores()) or "none"
            if answer.date is not None:
                offset = round((answer.date - datetime.now(UTC)).total_seconds())
                facts["clock_offset_s"] = str(offset)
                if abs(offset) > CLOCK_TOLERANCE_S:
                    problems.append(
                        f"The till system's clock is {offset} s off the hub's; signatures allow 300 s."
                    )
        except SyncError as error:
            problems.append(f"Cannot read the stores: {error.detail}")
        return Probe(ok=not problems, facts=facts, problems=problems)

    # ── what it cannot ──

    def write_levels(self, writes: Sequence[LevelWrite]) -> list[WriteResult]:
        raise Unsupported("A till is the authority of its stores: the hub writes no figures to it.")

    def heal_hooks(self, *, delivery_url: str, secret: str) -> list[HookState]:
        """Return nothing: the till system is configured on its own side and repeats what fails."""
        return []

    # ── inside ──

    def _get(self, path: str, query: Query = ()) -> Mapping[str, Any]:
        data = self._call(path, query).data
        if not isinstance(data, Mapping):
            raise RemoteUnavailable(f"The till answered {path} with something that is no object.")
        return data

    def _call(self, path: str, query: Query) -> Answer:
        answer = self._http.get(path, query)
        if answer.ok:
            return answer
        if answer.status == 401 or (answer.status == 403 and isinstance(answer.data, Mapping)):
            raise Misconfigured(f"The till system refuses our token ({answer.status}).")
        if isinstance(answer.data, Mapping):
            raise RemoteRefused(f"The till refused {path} ({answer.status}).", status=answer.status)
        raise Transient(f"Something in front of the till answered {answer.status}.")


def _events_query(store: str, after: int, limit: int) -> Query:
    return (("after_sequence", str(after)), ("store", store), ("limit", str(limit)))


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    found = document.get(name)
    if not isinstance(found, list):
        raise RemoteUnavailable(f"The till's answer holds no list {name!r}.")
    return found


def _sequence(event: Any) -> int:
    return _whole(event.get("sequence")) if isinstance(event, Mapping) else 0


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else 0


def _found(event: Any) -> Found:
    """Return one event as the webhook would have brought it; what is none is kept to be read by a person."""
    body = json.dumps(event, separators=(",", ":"), default=float).encode()
    if not isinstance(event, Mapping):
        return Found("unknown", body, "", "")
    message_id, store, kind = (event.get(name) for name in ("id", "store", "type"))
    return Found(
        topic=kind if isinstance(kind, str) and kind.isascii() and len(kind) <= 40 else "unknown",
        body=body,
        dedupe_key=dedupe_key(message_id, body) if isinstance(message_id, str) else "",
        object_key=f"store:{store}" if isinstance(store, str) else "",
    )


def _stock_item(row: Any) -> tuple[str, Decimal]:
    try:
        if isinstance(row, Mapping) and isinstance(row.get("sku"), str):
            return row["sku"], quantity_of(row.get("on_hand"), "on_hand")
    except MalformedPayload:
        pass
    return "", Decimal(0)
