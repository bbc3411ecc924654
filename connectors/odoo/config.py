"""What staff fill in for an Odoo database. Does not check the account: that is the client's probe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from inventory_sync.domain.config import setting
from inventory_sync.domain.errors import Misconfigured

TRANSPORTS = (
    ("auto", "Ask the server: JSON-2 from 19 on, JSON-RPC before"),
    ("jsonrpc", "JSON-RPC (16, 17, 18)"),
    ("json2", "JSON-2 (19 and later)"),
)
_VISIBLE = re.compile(r"[\x21-\x7e]{8,200}\Z")
_DATABASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")


@dataclass(frozen=True, slots=True)
class OdooConfig:
    base_url: str = setting("Odoo address", help="For example https://odoo.example.com")
    database: str = setting("Database", help="Its name as on the login page; sent with every call")
    login: str = setting("Login of the sync user", help="A user of its own, with an e-mail address")
    api_key: str = setting("API key", help="The sync user's preferences → Account security", secret=True)
    key_expires_on: str = setting(
        "Key expires on",
        help="YYYY-MM-DD, as Odoo said when the key was made; keys of ordinary users last 90 days at most",
        default="",
    )
    next_api_key: str = setting(
        "Next API key",
        help="Make it before the other expires; whichever of the two works is used",
        secret=True,
        default="",
    )
    next_key_expires_on: str = setting("Next key expires on", help="YYYY-MM-DD", default="")
    company_id: int = setting(
        "Company",
        help="Id of the company whose warehouses are read and written; 0 takes the sync user's own",
        default=0,
    )
    unavailable_locations: str = setting(
        "Locations not for sale",
        help="Ids or full names (WH/Quality Control), with commas between; locations inside them too. Their "
        "stock is shown as there and not for sale",
        default="",
    )
    sell_consigned: bool = setting(
        "Sell goods owned by others",
        help="Stock with an owner counts as there and not for sale, unless this is switched on",
        default=False,
    )
    horizon_days: int = setting(
        "Days of unassigned demand",
        help="Odoo's own deliveries that are due within these days and not reserved yet are kept back",
        default=30,
    )
    delivered_days: int = setting(
        "Days that finished lines are read",
        help="How long after the last movement of an order line its deliveries are still read",
        default=7,
    )
    send_orders: bool = setting(
        "Send orders of channels",
        help="Orders routed to a warehouse that this Odoo decides are kept in it as sales orders",
        default=False,
    )
    order_customer_id: int = setting(
        "Customer of channel orders",
        help="Id of the contact under which copies of channels' orders are kept; 0 where none are kept",
        default=0,
    )
    transport: str = setting("Protocol", choices=TRANSPORTS, default="auto")
    allow_insecure: bool = setting(
        "Allow plain http", help="Only for a server inside your own network", default=False
    )
    page_size: int = setting("Products per call", help="1 to 200", default=100)
    timeout_s: int = setting(
        "Patience per call (s)",
        help="Odoo ends its own work after 120 s by default; less patience leaves more outcomes unknown",
        default=150,
    )

    def __post_init__(self) -> None:
        if self.database and not _DATABASE.match(self.database):
            raise Misconfigured(
                "The database's name may hold letters, digits, dots, hyphens and underscores."
            )
        if any(not letter.isprintable() for letter in self.login) or len(self.login) > 200:
            raise Misconfigured("The login holds letters that no login has.")
        for label, key in (("API key", self.api_key), ("next API key", self.next_api_key)):
            if key and not _VISIBLE.match(key):
                raise Misconfigured(f"The {label} is too short, or holds spaces or letters that no key has.")
        if self.transport not in dict(TRANSPORTS):
            raise Misconfigured(f"Unknown protocol {self.transport!r}.")
        for label, value, least, most in (
            ("The company's id", self.company_id, 0, 2**31 - 1),
            ("Days of unassigned demand", self.horizon_days, 0, 3650),
            ("Days that finished lines are read", self.delivered_days, 1, 3650),
            ("The customer's id", self.order_customer_id, 0, 2**31 - 1),
            ("Products per call", self.page_size, 1, 200),
            ("Patience per call", self.timeout_s, 5, 900),
        ):
            if not least <= value <= most:
                raise Misconfigured(f"{label} must lie between {least} and {most}.")
        self.last_days()

    def keys(self) -> tuple[str, ...]:
        """Return the keys to try, the one in use first."""
        return tuple(dict.fromkeys(key for key in (self.api_key, self.next_api_key) if key))

    def expiries(self) -> Mapping[str, date]:
        """Return when the last key that can be used ends; two keys are one credential."""
        ends, next_ends = self.last_days()
        known = [day for day in (ends, next_ends if self.next_api_key else None) if day]
        return {"API key": max(known)} if known else {}

    def last_days(self) -> tuple[date | None, date | None]:
        """Return the last day of the key and of the next one, or raise Misconfigured."""
        found: list[date | None] = []
        for text in (self.key_expires_on, self.next_key_expires_on):
            try:
                found.append(date.fromisoformat(text.strip()) if text.strip() else None)
            except ValueError as error:
                raise Misconfigured(f"{text[:20]!r} is no date; write YYYY-MM-DD.") from error
        return found[0], found[1]

    def not_for_sale(self) -> tuple[str, ...]:
        """Return the ids and full names of locations not for sale, as they were written."""
        return tuple(part.strip() for part in self.unavailable_locations.split(",") if part.strip())
