"""What a seeded bug is, and the places they are seeded in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    name: str
    why: str
    path: str
    before: str
    after: str
    caught_by: tuple[str, ...]


PIPELINE = "inventory_sync/pipeline"
DOMAIN = "inventory_sync/domain"
LEDGER = "inventory_sync/ledger"
SIM = "sim:150"
