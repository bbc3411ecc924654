"""The web process: /hooks/ and what changes reservations go to their doors, everything else to Django."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inventory_sync.config.settings")
django_application = get_wsgi_application()

# All is imported here, in one thread: two threads that import a package at once may each see half of it.
from inventory_sync.api.hooks.wiring import make_door  # noqa: E402 - needs Django set up
from inventory_sync.api.reserve.wiring import the_door  # noqa: E402
from inventory_sync.config import celery, urls  # noqa: E402, F401

# What is loaded now stays: collecting it again and again would stop all requests for tens of milliseconds.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)

door = make_door()
reserve_door = the_door()


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    path = environ.get("PATH_INFO", "")
    if path.startswith("/hooks/"):
        return door(environ, start_response)
    if path.startswith("/api/v1/reservations") and environ.get("REQUEST_METHOD") in ("POST", "PATCH"):
        return reserve_door(environ, start_response)
    return django_application(environ, start_response)
