"""Keep secrets, and what names a person, out of what is noted of a call. Does not decide what is noted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from connectors.base.fields import clean

EXCERPT = 600
_SECRET_QUERY = re.compile(
    r"(?i)([?&](?:consumer_key|consumer_secret|oauth_\w+|access_token|token|api_?key|key|signature|secret|"
    r"password)=)[^&]*"
)
_SECRET_FIELD = re.compile(
    r'(?i)("(?:secret|password|token|access_token|consumer_secret|consumer_key|debug|traceback)"\s*:\s*)"(?:[^"\\]|\\.)*"?'
)
# An answer about an order begins with who bought: nobody needs that to find out why a call failed.
_PERSON_FIELD = re.compile(
    r'(?i)("(?:email|first_name|last_name|address_[12]|street2?|phone|mobile|postcode|zip|customer_note'
    r'|customer_ip_address|customer_user_agent|iban|vat_number|username|nickname)"\s*:\s*)'
    r'"(?:[^"\\]|\\.)+"?'
)


class Redactor:
    """Replaces the known secrets of a connection wherever they stand, and the usual places of any, and what
    names a person.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = sorted((secret for secret in secrets if len(secret) >= 4), key=len, reverse=True)

    def text(self, value: str, *, limit: int = EXCERPT) -> str:
        for secret in self._secrets:
            value = value.replace(secret, "…")
        return clean(value, limit=limit)

    def path(self, value: str) -> str:
        return self.text(_SECRET_QUERY.sub(r"\1…", value), limit=1000)

    def body(self, value: bytes) -> str:
        """Return the beginning; a secret that the clip would cut in two is replaced before clipping."""
        longest = max((len(secret) for secret in self._secrets), default=0)
        start = value[: EXCERPT * 4 + longest].decode("utf-8", "replace")
        return self.text(_PERSON_FIELD.sub(r'\1"…"', _SECRET_FIELD.sub(r'\1"…"', start)))
