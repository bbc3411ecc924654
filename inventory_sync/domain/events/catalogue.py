"""Read the schemas of the events as they stand beside this file.

A schema refers to the envelope and to shared terms by URN; `bundled` carries those along, so that whoever
fetches one needs no second request. Does not validate anything: consumers do, with the library they like.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "schemas"
PUBLISHED = Path(__file__).parent / "published.json"
SHARED = ("envelope", "terms")
_FILE = re.compile(r"(?P<name>[a-z_.]+)\.v(?P<version>[1-9][0-9]*)\.json\Z")


@dataclass(frozen=True, slots=True)
class Schema:
    """One version of one event's schema. `digest` is the SHA-256 of its file."""

    name: str
    version: int
    digest: str
    document: Mapping[str, Any]

    @property
    def urn(self) -> str:
        return str(self.document["$id"])

    @property
    def example(self) -> Mapping[str, Any]:
        """Return an event that this schema accepts."""
        found: Mapping[str, Any] = self.document["examples"][0]
        return found


@cache
def every_file() -> Mapping[tuple[str, int], Schema]:
    """Return each file by name and version, the shared ones included."""
    found: dict[tuple[str, int], Schema] = {}
    for path in sorted(FOLDER.glob("*.json")):
        match = _FILE.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path.name}: a schema is called <event>.v<version>.json")
        raw = path.read_bytes()
        name, version = match["name"], int(match["version"])
        found[name, version] = Schema(name, version, hashlib.sha256(raw).hexdigest(), json.loads(raw))
    return found


def schemas() -> list[Schema]:
    """Return every version of every event, by name."""
    return [schema for (name, _), schema in sorted(every_file().items()) if name not in SHARED]


def find(name: str, version: int | None = None) -> Schema | None:
    """Return one version of an event, the newest without one."""
    versions = [schema.version for schema in schemas() if schema.name == name]
    if not versions:
        return None
    return every_file().get((name, version if version is not None else max(versions)))


def bundled(schema: Schema) -> dict[str, Any]:
    """Return the schema with everything it refers to inside it, under the URNs it uses."""
    shared = {one.urn: one.document for one in every_file().values() if one.name in SHARED}
    return {**schema.document, "$defs": shared}


def published() -> Mapping[str, str]:
    """Return the digests of the versions that consumers may rely on, by file name."""
    found: Mapping[str, str] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return found
