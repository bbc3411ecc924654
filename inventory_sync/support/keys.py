"""The installation's one key, from which rooms derive their own. Knows no secret of a vendor."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32
_PLAIN_ALPHABET = str.maketrans("-_", "+/")


def master_key() -> bytes:
    """Return the 32 bytes of SYNC_SECRETS_KEY, given in either alphabet of base64.

    Raises ImproperlyConfigured with a sentence that names the variable.
    """
    try:
        key = b64decode(str(settings.INVENTORY_SYNC["SECRETS_KEY"]).translate(_PLAIN_ALPHABET), validate=True)
    except NotBase64 as error:
        raise ImproperlyConfigured("SYNC_SECRETS_KEY is not base64.") from error
    if len(key) != KEY_BYTES:
        raise ImproperlyConfigured(f"SYNC_SECRETS_KEY holds {len(key)} bytes; {KEY_BYTES} are needed.")
    return key
