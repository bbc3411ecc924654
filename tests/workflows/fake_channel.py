"""A connector as far as the platform asks: it wants to know what was delivered."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from inventory_sync.domain.commands import Delivered, Done
from inventory_sync.domain.config import setting
from inventory_sync.domain.errors import SyncError
from inventory_sync.domain.ports import Capabilities


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    tell_deliveries: bool = setting("Tell deliveries", default=False)


CONNECTOR: Any = SimpleNamespace(
    code="fake-channel",
    label="A channel",
    config_type=ChannelConfig,
    capabilities=Capabilities(
        sells=True, takes_deliveries=True, max_request_life_s=120, calls_per_s=1000, burst=1000
    ),
)


@dataclass
class Channel:
    """Keeps what it was told; `errors` are raised or returned first, one per telling."""

    told: list[Delivered] = field(default_factory=list)
    errors: list[SyncError] = field(default_factory=list)

    def tell_delivered(self, told: Delivered) -> Done:
        if self.errors:
            raise self.errors.pop(0)
        self.told.append(told)
        return Done("noted")
