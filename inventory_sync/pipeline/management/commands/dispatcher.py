"""Run the dispatcher: the process that finds what is owed and wakes the workers."""

from __future__ import annotations

import signal
from datetime import timedelta
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from inventory_sync.pipeline import wiring
from inventory_sync.pipeline.dispatcher import Dispatcher
from inventory_sync.pipeline.wake import send


class Command(BaseCommand):
    help = "Find every debt within a second and wake its workers; works itself while the broker is away."

    def handle(self, *args: Any, **options: Any) -> None:
        stopping: list[int] = []

        def stop(number: int, frame: FrameType | None) -> None:
            stopping.append(number)

        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, stop)
        knobs = settings.INVENTORY_SYNC
        Dispatcher(
            ports=wiring.ports(),
            send=send,
            canary_every=timedelta(seconds=knobs["CANARY_EVERY_S"]),
        ).run(every_s=knobs["DISPATCH_EVERY_MS"] / 1000, stop=lambda: bool(stopping))
