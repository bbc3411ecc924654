"""The secrets of connections, sealed by support/sealing.py and bound to the row they stand in.

The associated data is "connection_id/name": a secret copied to another row does not open.
"""

from __future__ import annotations

from inventory_sync.connections.models import Connection
from inventory_sync.support import sealing
from inventory_sync.support.sealing import key_id as key_id


def seal(connection_id: int, name: str, value: str) -> tuple[bytes, str]:
    """Return the secret encrypted and the id of the key that did it."""
    return sealing.seal(f"{connection_id}/{name}", value)


def unseal(connection_id: int, name: str, ciphertext: bytes, sealed_with: str = "") -> str:
    """Return the secret, or raise Misconfigured when this key did not seal it for this row."""
    return sealing.unseal(f"{connection_id}/{name}", ciphertext, sealed_with, name=name)


def read_all(connection: Connection) -> dict[str, str]:
    """Return the secrets of a connection by name; raises Misconfigured."""
    return {
        row.name: unseal(connection.pk, row.name, bytes(row.ciphertext), row.key_id)
        for row in connection.secrets.all()
    }
