"""Find connectors by dotted path, and open one account with its config and secrets.

The only place that knows which connectors are installed (settings.CONNECTORS); imports none by name.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, cast

from django.conf import settings

from inventory_sync.connections import secrets
from inventory_sync.connections.models import Connection
from inventory_sync.domain.config import build
from inventory_sync.domain.errors import Misconfigured
from inventory_sync.domain.ports import Client, Connector, Outside


@cache
def connector(code: str) -> Connector:
    """Return the connector of that code; raises Misconfigured when none is installed."""
    path = settings.CONNECTORS.get(code)
    if path is None:
        raise Misconfigured(f"No connector {code!r} is installed; settings.CONNECTORS names them.")
    return cast(Connector, import_module(path).CONNECTOR)


def installed() -> list[Connector]:
    return [connector(code) for code in settings.CONNECTORS]


def config_of(connection: Connection) -> Any:
    """Return the connector's own config object, secrets included; raises Misconfigured."""
    values = {**connection.config, **secrets.read_all(connection)}
    return build(connector(connection.connector).config_type, values)


def open_client(connection: Connection, *, outside: Outside | None = None) -> Client:
    """Return the HTTP client of an account. Raises Misconfigured."""
    return connector(connection.connector).client(
        config_of(connection), connection=connection.code, outside=outside
    )
