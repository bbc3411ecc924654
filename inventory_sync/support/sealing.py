"""Seal and open secrets at rest: AES-256-GCM, bound to the place they stand in.

The key is the installation's (support/keys.py), named on each secret by `key_id`. What a secret is bound to
is its associated data: copied to another row it does not open. Knows no table.
"""

from __future__ import annotations

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from inventory_sync.domain.errors import Misconfigured
from inventory_sync.support.keys import master_key

_NONCE_BYTES = 12


def seal(bound_to: str, value: str) -> tuple[bytes, str]:
    """Return the secret encrypted, nonce first, and the id of the key that did it."""
    key = master_key()
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, value.encode(), bound_to.encode()), key_id(key)


def unseal(bound_to: str, ciphertext: bytes, sealed_with: str = "", *, name: str) -> str:
    """Return the secret, or raise Misconfigured, naming it, when this key did not seal it for this place."""
    key, sealed = master_key(), bytes(ciphertext)
    if sealed_with and sealed_with != key_id(key):
        raise Misconfigured(f"Secret {name!r} was sealed with another key ({sealed_with}): enter it again.")
    try:
        opened = AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to.encode())
    except InvalidTag as error:
        raise Misconfigured(f"Secret {name!r} cannot be opened: enter it again.") from error
    return opened.decode()


def key_id(key: bytes) -> str:
    return hashlib.sha256(b"connections.secrets" + key).hexdigest()[:16]
