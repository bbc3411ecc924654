"""One WooCommerce shop over HTTP: the platform's Client. Wires the parts; each part says what it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from connectors.base.fields import clean
from connectors.base.http import HttpClient, Limits
from connectors.woocommerce import deliveries, hooks, levels, probe, sweeps
from connectors.woocommerce.auth import signer
from connectors.woocommerce.config import WooConfig
from connectors.woocommerce.rest import NO_ROUTE, Rest
from connectors.woocommerce.translate import meaning
from inventory_sync.domain.commands import Delivered, Done
from inventory_sync.domain.errors import MalformedPayload, RemoteRefused, Unsupported
from inventory_sync.domain.ports import (
    ExternalListing,
    Found,
    HookState,
    LevelWrite,
    ListingLevel,
    ListingRef,
    Outside,
    Probe,
    SweepPage,
    WriteResult,
)

LISTING_FIELDS = (
    "_fields",
    "id,parent_id,type,status,name,sku,global_unique_id,manage_stock,stock_quantity",
)


class WooClient:
    """Calls raise only SyncError. `transport` is for tests that replay recorded exchanges."""

    def __init__(
        self,
        config: WooConfig,
        *,
        connection: str,
        outside: Outside | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._config = config
        self._http = HttpClient(
            connection=connection,
            base_url=config.base_url,
            sign=signer(config),
            secrets=(config.consumer_key, config.consumer_secret, config.webhook_secret),
            allow_insecure=config.allow_insecure,
            user_agent=config.user_agent,
            limits=Limits(read_s=float(config.timeout_s), total_s=float(config.timeout_s) * 1.5),
            outside=outside,
            transport=transport,
        )
        self._rest = Rest(self._http, page_size=config.page_size)
        self._levels = levels.LevelReader(self._rest)

    def close(self) -> None:
        self._http.close()

    def probe(self) -> Probe:
        https = self._config.base_url.lower().startswith("https:")
        return probe.probe(self._rest, https=https, now=lambda: datetime.now(UTC))

    def read_levels(self, refs: Sequence[ListingRef]) -> list[ListingLevel]:
        return self._levels.read(refs)

    def write_levels(self, writes: Sequence[LevelWrite]) -> list[WriteResult]:
        """One result per write in the order asked; there is no compare-and-set, so `expected` is unused."""
        return levels.write_levels(self._rest, writes, force_manage_stock=self._config.force_manage_stock)

    def read_object(self, kind: str, ref: str) -> Found:
        return sweeps.read_object(self._rest, kind, ref)

    def tell_delivered(self, told: Delivered) -> Done:
        """Note what has left so far, or complete the order; told again it changes nothing."""
        return deliveries.tell_delivered(self._rest, told, meaning=lambda word: meaning(word, self._config))

    def sweep(self, stream: str, cursor: str, *, now: datetime) -> SweepPage:
        if stream == sweeps.ORDERS.name:
            return sweeps.sweep_orders(self._rest, cursor, now=now, first_days=self._config.first_sweep_days)
        if stream == sweeps.PRODUCTS.name:
            return sweeps.sweep_products(self._rest, cursor, now=now)
        raise Unsupported(f"WooCommerce has no stream {stream[:60]!r}.")

    def heal_hooks(self, *, delivery_url: str, secret: str) -> list[HookState]:
        return hooks.heal(self._rest, delivery_url=delivery_url, secret=secret)

    def listings(self) -> Iterator[ExternalListing]:
        """Yield products, parents that keep a pool, then variations; several listings may share one SKU."""
        parents: list[int] = []
        for row in self._rest.pages("/products", (LISTING_FIELDS,)):
            if row.get("type") == "variable":
                parents.append(row["id"])
                if row.get("manage_stock") is True:
                    yield _listing(row, "parent_pool")
            elif row.get("type") not in ("grouped", "external"):
                yield _listing(row, "variant")
        try:
            for row in self._rest.pages("/variations", (LISTING_FIELDS,)):
                yield _listing(row, "variant", parent=row.get("parent_id"))
        except RemoteRefused as refused:
            if refused.vendor_code != NO_ROUTE:
                raise
            for parent in parents:
                for row in self._rest.pages(f"/products/{parent}/variations", (LISTING_FIELDS,)):
                    yield _listing(row, "variant", parent=parent)


def _listing(row: Mapping[str, Any], kind: str, parent: Any = None) -> ExternalListing:
    number = row["id"]
    ref = ListingRef(f"product:{number}")
    if parent is not None:
        ref = ListingRef(
            f"variation:{number}", f"product:{parent}" if isinstance(parent, int) and parent else ""
        )
    try:
        figure = levels.figure_of(row)
    except MalformedPayload:
        figure = None
    return ExternalListing(
        ref=ref,
        sku=_words(row, "sku"),
        name=_words(row, "name"),
        gtin=_words(row, "global_unique_id"),
        managed=row.get("manage_stock") is True,
        kind=kind,
        figure=figure,
    )


def _words(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return clean(value.strip()) if isinstance(value, str) else ""
