"""One Odoo database over HTTP: the platform's Client. Wires the parts; each part says what it does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import httpx

from connectors.base.http import HttpClient, Limits, Query
from connectors.odoo import json2, probe, products, rpc18, streams
from connectors.odoo.config import OdooConfig
from connectors.odoo.counts import CountsStock
from connectors.odoo.database import Database
from connectors.odoo.documents import MirrorsStock
from connectors.odoo.endpoints import Endpoints
from connectors.odoo.learnt import Known, Learnt
from connectors.odoo.orders import TakesOrders
from connectors.odoo.wire import KEY, Keys, Odoo, Transport
from inventory_sync.domain.errors import Misconfigured, RateLimited, RemoteUnavailable, Transient, Unsupported
from inventory_sync.domain.ports import (
    ExternalListing,
    Found,
    HookState,
    Outside,
    Probe,
    SweepPage,
)

FIRST_JSON2 = 19
ANSWER_BYTES = 64 * 1024 * 1024
_MAJOR = re.compile(r"(?:saas[~-])?(\d{1,3})")


class OdooClient(TakesOrders, MirrorsStock, CountsStock):
    """Calls raise only SyncError. `transport` is for tests that replay recorded exchanges; `now` is the
    hub's clock. `learnt`: what earlier clients of the same settings found out; else it starts from nothing.
    """

    def __init__(
        self,
        config: OdooConfig,
        *,
        connection: str,
        outside: Outside | None = None,
        transport: httpx.BaseTransport | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        learnt: Learnt | None = None,
    ) -> None:
        self.config = config
        self._now = now
        self._known = Known(Learnt() if learnt is None else learnt)
        self._keys = Keys(config.keys(), self._known.recall(KEY, 0))
        self._http = HttpClient(
            connection=connection,
            base_url=config.base_url,
            sign=self._sign,
            secrets=config.keys(),
            allow_insecure=config.allow_insecure,
            limits=Limits(
                read_s=float(config.timeout_s),
                total_s=float(config.timeout_s) * 1.2,
                answer_bytes=ANSWER_BYTES,
            ),
            outside=outside,
            own_error=json2.own_error,
            transport=transport,
        )
        self._transports: Mapping[str, Transport] = {
            "json2": json2.Json2(self._http),
            "jsonrpc": rpc18.JsonRpc(self._http, self._known, database=config.database, login=config.login),
        }
        self.odoo = Odoo(self._choose, self._keys, self._known, company=config.company_id)
        self.database = Database(self.odoo, config, self._known, version=self.version)
        self.endpoints = Endpoints(self.odoo, self._known)

    def close(self) -> None:
        self._http.close()

    def version(self) -> int:
        """Return the major version: 18, 19, …"""
        return self._known.fact("version", self._ask_version)

    def _ask_version(self) -> int:
        try:
            reply = rpc18.service(self._http, "common", "version", ())
        except Misconfigured:
            if self.config.transport == "jsonrpc":
                raise
            return FIRST_JSON2  # JSON-RPC is gone from later versions, and with it the question
        except RateLimited:
            raise
        except Transient:
            self._known.forget()
            raise
        if reply.fault is not None or not isinstance(reply.result, Mapping):
            raise RemoteUnavailable("Odoo does not tell its version.")
        told = reply.result.get("server_serie") or reply.result.get("server_version")
        found = _MAJOR.match(str(told))
        if found is None:
            raise RemoteUnavailable("Odoo tells a version that cannot be read.")
        return int(found.group(1))

    def _choose(self) -> Transport:
        """Return the protocol of the settings, else the one of the server's version."""
        wanted = self.config.transport
        if wanted == "auto":
            wanted = "json2" if self.version() >= FIRST_JSON2 else "jsonrpc"
        return self._transports[wanted]

    def _sign(self, method: str, path: str, query: Query) -> tuple[Mapping[str, str], Query]:
        """Name the database with every call; the key goes into a header on JSON-2 only."""
        headers = json2.headers(self.config.database, self._keys.current)
        if json2.PREFIX not in path:
            headers = {name: value for name, value in headers.items() if name != "Authorization"}
        return headers, query

    # ── reading ──

    def probe(self) -> Probe:
        self._known.forget()
        return probe.probe(self.database, now=self._now)

    def sweep(self, stream: str, cursor: str, *, now: datetime) -> SweepPage:
        if stream == streams.CHANGES.name:
            return streams.sweep_changes(self.database, cursor, now=now)
        if stream == streams.STOCK.name:
            if not cursor:
                self._known.forget()  # a full sweep finds what nothing else tells, places moved included
            return streams.sweep_stock(self.database, cursor, now=now)
        raise Unsupported(f"Odoo has no stream {stream[:60]!r}.")

    def read_object(self, kind: str, ref: str) -> Found:
        if kind != "item":
            raise Unsupported(f"Odoo has no {kind[:40]!r} that can be read by itself.")
        return streams.read_item(self.database, ref, now=self._now())

    def read_objects(self, kind: str, refs: Sequence[str]) -> list[Found]:
        if kind != "item":
            raise Unsupported(f"Odoo has no {kind[:40]!r} that can be read by itself.")
        return streams.read_together(self.database, refs, now=self._now())

    def skip_page(self, stream: str, cursor: str, *, now: datetime) -> SweepPage:
        if stream == streams.STOCK.name:
            return streams.skip_stock(self.database, cursor, now=now)
        return self.sweep(stream, cursor, now=now)

    def listings(self) -> Iterator[ExternalListing]:
        return products.listings(self.database)

    # ── what Odoo is not asked for ──

    def heal_hooks(self, *, delivery_url: str, secret: str) -> list[HookState]:
        """Rules are made by Odoo's administrator (README.md): the sync user may not, and polling does not
        need them.
        """
        return []
