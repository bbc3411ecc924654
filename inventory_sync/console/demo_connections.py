"""The demo's two accounts: a WooCommerce shop that sells, and a till system that keeps the books.

Secrets come from the environment the twins were started with. A port that changed since the last start is
followed; whatever else staff edited stays.
"""

from __future__ import annotations

import secrets as randomness
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from inventory_sync.connections import registry, secrets, services
from inventory_sync.connections.models import Connection

WOO, TILL = "woo", "till"
ACTOR = "load_demo"
WHY = "The demo retailer."
# Name of the setting → the variable that holds it.
WOO_SECRETS = {
    "consumer_key": "WOO_TWIN_KEY",
    "consumer_secret": "WOO_TWIN_SECRET",
    "webhook_secret": "WOO_WEBHOOK_SECRET",
}
TILL_SECRETS = {"signing_secret": "TILL_TWIN_SECRET", "token": "TILL_TWIN_TOKEN"}


@dataclass(frozen=True, slots=True)
class Account:
    """`settings` and `secrets` are taken over at every start, `first` only when the account is made."""

    connector: str
    label: str
    sells: bool
    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)
    first: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Accounts:
    woo: Account
    till: Account

    @classmethod
    def of(cls, environment: Mapping[str, str], *, woo_url: str, till_url: str) -> Accounts:
        def given(names: Mapping[str, str]) -> dict[str, str]:
            return {name: environment[key] for name, key in names.items() if environment.get(key)}

        hook_secret = environment.get("WOO_WEBHOOK_SECRET") or randomness.token_hex(24)
        return cls(
            woo=Account(
                "woocommerce",
                "Web shop",
                True,
                {"base_url": woo_url, "allow_insecure": woo_url.startswith("http:")},
                given(WOO_SECRETS),
                {"webhook_secret": hook_secret},
            ),
            till=Account(
                "till",
                "Tills and stockrooms",
                False,
                {"base_url": till_url, "allow_insecure": till_url.startswith("http:")},
                given(TILL_SECRETS),
            ),
        )


def ensure(code: str, account: Account, *, now: datetime) -> tuple[Connection, bool]:
    """Return the connection, made or brought up to date with where its twin answers now."""
    connector = registry.connector(account.connector)
    values = {**account.settings, **account.secrets}
    row = Connection.objects.filter(code=code).first()
    if row is None:
        made = services.create_connection(
            connector=connector,
            code=code,
            label=account.label,
            values={**account.first, **values},
            sells=account.sells,
            actor=ACTOR,
            reason=WHY,
            now=now,
        )
        return made, True
    held = {**row.config, **secrets.read_all(row)}
    moved = {name: value for name, value in values.items() if held.get(name) != value}
    if moved:
        services.edit_connection(
            connection_id=row.pk, connector=connector, values=moved, actor=ACTOR, reason="The twin has moved."
        )
    return row, False
