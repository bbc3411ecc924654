"""A connector as far as the platform asks: it takes copies of orders. Its client is erp.Erp."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from inventory_sync.domain.config import setting
from inventory_sync.domain.ports import Capabilities


@dataclass(frozen=True, slots=True)
class ErpConfig:
    send_orders: bool = setting("Send orders", default=False)


CONNECTOR: Any = SimpleNamespace(
    code="fake-erp",
    label="An ERP",
    config_type=ErpConfig,
    capabilities=Capabilities(takes_orders=True, max_request_life_s=150, calls_per_s=1000, burst=1000),
)
