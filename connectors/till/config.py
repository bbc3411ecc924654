"""What staff fill in for a till system. Does not check the account: that is the client's probe."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.base.signatures import standard_key
from inventory_sync.domain.config import setting
from inventory_sync.domain.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class TillConfig:
    base_url: str = setting("Address", help="Where the till system answers /v1/…")
    signing_secret: str = setting(
        "Signing secret",
        help="whsec_… as the till system shows it; while rotating, both secrets with a space between",
        secret=True,
    )
    token: str = setting("Access token", help="For reading /v1/… at the till system", secret=True)
    allow_insecure: bool = setting(
        "Allow plain http", help="Only for a system inside your own network", default=False
    )
    page_size: int = setting("Events per call", help="1 to 500", default=500)
    timeout_s: int = setting("Patience per call (s)", default=30)

    def __post_init__(self) -> None:
        for secret in self.signing_secrets():
            standard_key(secret)
        if self.token and not re.fullmatch(r"[\x21-\x7e]{1,500}", self.token):
            raise Misconfigured("The access token holds spaces or letters that no token has.")
        if not 1 <= self.page_size <= 500:
            raise Misconfigured("Events per call must lie between 1 and 500.")
        if not 5 <= self.timeout_s <= 600:
            raise Misconfigured("Patience per call must lie between 5 and 600 seconds.")

    def signing_secrets(self) -> list[str]:
        return self.signing_secret.split()
