"""Seal and open the secrets of connections: AES-256-GCM, bound to the row they stand in.

The key comes from the settings (SYNC_SECRETS_KEY, 32 bytes in base64) and is named on each secret by
`key_id`. The associated data is "connection_id/name": a secret copied to another row does not open.
"""

from __future__ import annotations

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from inventory_sync.connections.models import Connection
from inventory_sync.domain.errors import Misconfigured
from inventory_sync.support.keys import master_key

_NONCE_BYTES = 12


def seal(connection_id: int, name: str, value: str) -> tuple[bytes, str]:
    """Return the secret encrypted, nonce first, and the id of the key that did it."""
    key = master_key()
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, value.encode(), _bound_to(connection_id, name)), key_id(key)


def unseal(connection_id: int, name: str, ciphertext: bytes, sealed_with: str = "") -> str:
    """Return the secret, or raise Misconfigured when this key did not seal it for this row."""
    key, sealed = master_key(), bytes(ciphertext)
    if sealed_with and sealed_with != key_id(key):
        raise Misconfigured(f"Secret {name!r} was sealed with another key ({sealed_with}): enter it again.")
    try:
        opened = AESGCM(key).decrypt(
            sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound_to(connection_id, name)
        )
    except InvalidTag as error:
        raise Misconfigured(f"Secret {name!r} cannot be opened: enter it again.") from error
    return opened.decode()


def read_all(connection: Connection) -> dict[str, str]:
    """Return the secrets of a connection by name; raises Misconfigured."""
    return {
        row.name: unseal(connection.pk, row.name, bytes(row.ciphertext), row.key_id)
        for row in connection.secrets.all()
    }


def key_id(key: bytes) -> str:
    return hashlib.sha256(b"connections.secrets" + key).hexdigest()[:16]


def _bound_to(connection_id: int, name: str) -> bytes:
    return f"{connection_id}/{name}".encode()
