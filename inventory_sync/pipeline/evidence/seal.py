"""Seal a document: canonical JSON, its SHA-256, a signature by a key, and the digest of the one before. Pure.

The digest is of the document's bytes alone, so that anybody can check it with sha256sum; the document names
the digest before it, so that none can be left out or changed without all later ones showing it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sealed:
    """A document as it is kept. `signature` is empty where no key was given."""

    document: str
    digest: str
    previous: str
    signature: str


def canonical(content: Mapping[str, Any]) -> str:
    """Return the one way to write this content: sorted keys, no spaces, no floats."""
    _no_floats(content)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def seal(content: Mapping[str, Any], *, previous: str, key: str) -> Sealed:
    document = canonical({**content, "previous": previous})
    return Sealed(document, digest_of(document), previous, sign(document, key))


def digest_of(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()


def sign(document: str, key: str) -> str:
    """Return the HMAC-SHA256 of the document, "" without a key."""
    return hmac.new(key.encode(), document.encode(), hashlib.sha256).hexdigest() if key else ""


def faults(sealed: Sealed, *, previous: str, key: str) -> list[str]:
    """Say what is wrong with a sealed document that has to follow `previous`; nothing when it is right."""
    found = []
    if digest_of(sealed.document) != sealed.digest:
        found.append("its content is not what its digest is of")
    if key and sealed.signature and not hmac.compare_digest(sign(sealed.document, key), sealed.signature):
        found.append("its signature is not ours")
    if key and not sealed.signature:
        found.append("it is not signed")
    try:
        named = json.loads(sealed.document).get("previous")
    except ValueError:
        return [*found, "it is no JSON"]
    if named != previous or sealed.previous != previous:
        found.append("it does not follow the one before")
    return found


def _no_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError("a float has no one way to be written")
    if isinstance(value, Mapping):
        for inner in value.values():
            _no_floats(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _no_floats(inner)
