"""What staff fill in for a WooCommerce shop. Does not check the account: that is the client's probe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from inventory_sync.domain.config import setting
from inventory_sync.domain.errors import Misconfigured
from inventory_sync.domain.external import OrderStatus

AUTH_MODES = (
    ("auto", "Basic over https, OAuth 1.0a over plain http"),
    ("basic", "Basic"),
    ("oauth", "OAuth 1.0a, one-legged"),
    ("query", "Keys in the query (https only; they end in the shop's logs)"),
)
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,128}\Z")
_VISIBLE = re.compile(r"[\x21-\x7e]{1,200}\Z")


@dataclass(frozen=True, slots=True)
class WooConfig:
    base_url: str = setting(
        "Shop address", help="The shop's own address, for example https://shop.example.com"
    )
    consumer_key: str = setting("Consumer key", help="ck_…, with read and write rights", secret=True)
    consumer_secret: str = setting("Consumer secret", help="cs_…", secret=True)
    webhook_secret: str = setting(
        "Webhook secret",
        help="16 or more of A–Z, a–z, 0–9, _ and -; the shop decodes HTML entities before it signs, "
        "so nothing else is safe",
        secret=True,
    )
    auth_mode: str = setting("Authentication", choices=AUTH_MODES, default="auto")
    allow_insecure: bool = setting(
        "Allow plain http", help="Only for a shop inside your own network", default=False
    )
    home_url: str = setting(
        "Home address for OAuth",
        help="Only for OAuth when the shop's own idea of its address differs from the one above",
        default="",
    )
    force_manage_stock: bool = setting(
        "Switch on stock management",
        help="When the shop keeps no stock for a listing, switch it on with the first figure. "
        "This changes the merchant's setting; variations that share their parent's stock are left alone",
        default=False,
    )
    hold_unpaid_minutes: int = setting(
        "Hold for unpaid orders (minutes)",
        help="WooCommerce → Settings → Products → Inventory → Hold stock; 0 holds nothing",
        default=60,
    )
    custom_statuses: str = setting(
        "Meaning of custom order statuses",
        help="For example: packed=committed, lost=cancelled. Others count as committed",
        default="",
    )
    tell_deliveries: bool = setting(
        "Tell deliveries",
        help="What has left according to the books goes to the shop: a private note per part, the status "
        "completed at the end, which mails the customer",
        default=False,
    )
    first_sweep_days: int = setting(
        "Days to read back at first", help="How far back the first reading of orders goes", default=30
    )
    page_size: int = setting("Rows per call", help="1 to 100", default=100)
    timeout_s: int = setting("Patience per call (s)", help="A batch of 100 may take long", default=60)
    user_agent: str = setting(
        "User-Agent", help="Some firewalls block unusual ones", default="inventory-sync/1.0"
    )

    def __post_init__(self) -> None:
        if self.webhook_secret and not _SECRET.match(self.webhook_secret):
            raise Misconfigured("The webhook secret must be 16 to 128 of A–Z, a–z, 0–9, _ and -.")
        for label, value in (("consumer key", self.consumer_key), ("consumer secret", self.consumer_secret)):
            if value and not _VISIBLE.match(value):
                raise Misconfigured(f"The {label} holds spaces or letters that no key has.")
        if not re.fullmatch(r"[\x20-\x7e]{1,200}", self.user_agent):
            raise Misconfigured("The User-Agent must be plain printable text.")
        if self.auth_mode not in dict(AUTH_MODES):
            raise Misconfigured(f"Unknown authentication {self.auth_mode!r}.")
        if not 1 <= self.page_size <= 100:
            raise Misconfigured("Rows per call must lie between 1 and 100.")
        if not 5 <= self.timeout_s <= 600:
            raise Misconfigured("Patience per call must lie between 5 and 600 seconds.")
        if not 0 <= self.hold_unpaid_minutes <= 60 * 24 * 30:
            raise Misconfigured("The hold for unpaid orders must lie between 0 minutes and 30 days.")
        if not 0 <= self.first_sweep_days <= 3650:
            raise Misconfigured("The days to read back must lie between 0 and 3650.")
        self.meanings()

    def meanings(self) -> Mapping[str, OrderStatus]:
        """Return the declared meaning of each custom status, or raise Misconfigured."""
        found: dict[str, OrderStatus] = {}
        for part in filter(None, (piece.strip() for piece in self.custom_statuses.split(","))):
            name, equals, meaning = (piece.strip().lower() for piece in part.partition("="))
            if not equals or not name or meaning not in {status.value for status in OrderStatus}:
                allowed = ", ".join(status.value for status in OrderStatus)
                raise Misconfigured(f"Custom status {part!r} must read name=meaning, one of: {allowed}.")
            found[name.removeprefix("wc-")] = OrderStatus(meaning)
        return found
