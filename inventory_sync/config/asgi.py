"""The web process: the doors in front, Django in threads behind them (api/front.py)."""

from __future__ import annotations

import gc
import os
from typing import cast

from a2wsgi import WSGIMiddleware
from a2wsgi.wsgi_typing import WSGIApp
from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inventory_sync.config.settings")
django_application = get_wsgi_application()

# All is imported here, in one thread: two threads that import a package at once may each see half of it.
from inventory_sync.api.front import THREADS, Front  # noqa: E402 - needs Django set up
from inventory_sync.api.hooks.wiring import make_door as make_hook_door  # noqa: E402
from inventory_sync.api.reserve.wiring import make_door as make_reserve_door  # noqa: E402
from inventory_sync.config import celery, urls  # noqa: E402, F401

# What is loaded now stays: collecting it again and again would stop all requests for tens of milliseconds.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)

knobs = settings.INVENTORY_SYNC
hook_door = make_hook_door()
application = Front(
    hooks=hook_door,
    turned_away=hook_door.turned_away,
    reserve=make_reserve_door(),
    django=WSGIMiddleware(cast("WSGIApp", django_application), workers=THREADS),
    base_url=str(knobs["HUB_URL"]),
    max_body_bytes=knobs["DOOR_MAX_BODY_BYTES"],
)
