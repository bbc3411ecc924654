"""The root of the tree, and the branches that are one class."""

from __future__ import annotations

from typing import ClassVar


class SyncError(Exception):
    """Base of all; `detail` is one sentence a person can act on."""

    code: ClassVar[str] = "sync.error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class SequenceMissing(SyncError):
    """A number of a source has not come for long. Nothing waits; what came after it raises no figure."""

    code = "feed.number_missing"


class Misconfigured(SyncError):
    code = "connection.misconfigured"


class KeyExpires(SyncError):
    """A credential ends soon, or has. Nothing waits before it does; then its connection is refused."""

    code = "connection.key_expires"


class Unauthentic(SyncError):
    code = "hook.unauthentic"


class FenceLost(SyncError):
    code = "lease.lost"
