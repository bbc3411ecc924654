"""The demo's accounts: a WooCommerce shop that sells, an Odoo and a till system that keep the books.

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

WOO, TILL, ODOO = "woo", "till", "odoo"
ACTOR = "load_demo"
WHY = "The demo retailer."
# Name of the setting → the variable that holds it.
WOO_SECRETS = {
    "consumer_key": "WOO_TWIN_KEY",
    "consumer_secret": "WOO_TWIN_SECRET",
    "webhook_secret": "WOO_WEBHOOK_SECRET",
}
ODOO_SECRETS = {"api_key": "ODOO_TWIN_KEY"}
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
    hook_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Accounts:
    woo: Account
    till: Account
    odoo: Account

    @classmethod
    def of(
        cls, environment: Mapping[str, str], *, woo_url: str, till_url: str, odoo_url: str, customer_id: int
    ) -> Accounts:
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
                {"webhook_secret": hook_secret, "tell_deliveries": True},
            ),
            till=Account(
                "till",
                "Tills",
                False,
                {"base_url": till_url, "allow_insecure": till_url.startswith("http:")},
                given(TILL_SECRETS),
            ),
            odoo=Account(
                "odoo",
                "Odoo",
                False,
                {"base_url": odoo_url, "allow_insecure": odoo_url.startswith("http:")},
                given(ODOO_SECRETS),
                {
                    "database": "odoo",
                    "login": "syncbot",
                    "send_orders": True,
                    "order_customer_id": customer_id,
                },
                environment.get("ODOO_TWIN_HOOK_TOKEN", ""),
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
        _have_token(made, account)
        return made, True
    held = {**row.config, **secrets.read_all(row)}
    moved = {name: value for name, value in values.items() if held.get(name) != value}
    if moved:
        services.edit_connection(
            connection_id=row.pk, connector=connector, values=moved, actor=ACTOR, reason="The twin has moved."
        )
    _have_token(row, account)
    return row, False


def _have_token(row: Connection, account: Account) -> None:
    """Open the door for the token that the twin was started with."""
    token = account.hook_token
    if token and services.hook_token_hash(token) != row.hook_token_hash:
        services.rotate_hook_token(connection_id=row.pk, actor=ACTOR, reason=WHY, token=token)
