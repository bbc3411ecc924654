"""The till connector, but one item's name kills whoever translates it: a crash no `except` sees.

Stands for a segmentation fault in a parser or a kill by the kernel when memory runs out.
"""

from __future__ import annotations

import os
import signal
from typing import Any

from connectors.till.connector import TillConnector
from inventory_sync.domain.external import ExternalEvent
from inventory_sync.domain.ports import Delivery

POISON = "POISON"


class PoisonedTill(TillConnector):
    def translate(self, delivery: Delivery, config: Any = None) -> list[ExternalEvent]:
        if f'"{POISON}"'.encode() in delivery.body:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().translate(delivery, config)


CONNECTOR = PoisonedTill()
