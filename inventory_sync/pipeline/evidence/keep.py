"""Make, keep and check the daily evidence: a row that nobody edits, and a file beside it.

A day is sealed once, some time after it ended; asked for again it is returned as it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from django.db import transaction

from inventory_sync.pipeline.evidence.gather import day_of, gather
from inventory_sync.pipeline.evidence.seal import Sealed, canonical, faults, seal
from inventory_sync.pipeline.invariants.look import look_at
from inventory_sync.pipeline.invariants.registry import checks
from inventory_sync.pipeline.models import Evidence
from inventory_sync.support.logs import get_logger
from inventory_sync.support.snapshot import snapshot

log = get_logger(__name__)

REST = timedelta(minutes=30)  # a day is over when its last transactions surely are
FIGURES_AGAIN = 2000


class NotOver(Exception):
    """The day is not over yet."""


class OutOfTurn(Exception):
    """A later day is sealed already: the chain has no place for this one."""


@dataclass(frozen=True, slots=True)
class Seals:
    """How evidence is kept here. directory: "" keeps none in files; key: "" signs nothing."""

    directory: str
    key: str
    software: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the evidence of one day."""

    day: date
    what: str


def day_due(now: datetime) -> date | None:
    """Return the day whose evidence is to be made now: yesterday, unless it is there."""
    day = (now.astimezone(UTC) - REST).date() - timedelta(days=1)
    return None if Evidence.objects.filter(day__gte=day).exists() else day


def make(day: date, *, seals: Seals, now: datetime, seconds: Callable[[], float]) -> Evidence:
    """Make and keep the evidence of a day, or return what was kept.

    Raises NotOver before the day has ended, OutOfTurn when a later one is sealed.
    """
    kept = Evidence.objects.filter(day=day).first()
    if kept is not None:
        return kept
    if now < day_of(day)[1]:
        raise NotOver(f"{day} is not over yet.")
    with snapshot():
        every = checks(now=now, figures=FIGURES_AGAIN)
        content = gather(day, checked=look_at(every, seconds=seconds), now=now, software=seals.software)
    with transaction.atomic():
        last = Evidence.objects.select_for_update().order_by("-day").first()
        if last is not None and last.day >= day:
            if last.day == day:
                return last
            raise OutOfTurn(f"The evidence of {last.day} is sealed; {day} would come before it.")
        sealed = seal(content, previous=last.digest if last else "", key=seals.key)
        row = Evidence(
            day=day,
            document=sealed.document,
            digest=sealed.digest,
            previous=sealed.previous,
            signature=sealed.signature,
            path=str(_file(seals.directory, day)) if seals.directory else "",
            created_at=now,
        )
        row.save()
        if seals.directory:
            _write(_file(seals.directory, day), sealed)
    log.info(
        "evidence.sealed", day=day.isoformat(), digest=sealed.digest, oversells=content["total"]["oversells"]
    )
    return row


def verify(*, seals: Seals) -> list[Fault]:
    """Return what is wrong with the chain, day by day; nothing when every link and every file is right."""
    found: list[Fault] = []
    previous = ""
    for row in Evidence.objects.order_by("day"):
        sealed = Sealed(row.document, row.digest, row.previous, row.signature)
        found += [Fault(row.day, what) for what in faults(sealed, previous=previous, key=seals.key)]
        if row.path:
            found += [Fault(row.day, what) for what in _file_faults(Path(row.path), sealed)]
        previous = row.digest
    return found


def _file(directory: str, day: date) -> Path:
    return Path(directory) / f"oversell-evidence-{day.isoformat()}.json"


def _write(path: Path, sealed: Sealed) -> None:
    """Write the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = {
        "document": json.loads(sealed.document),
        "digest": sealed.digest,
        "signature": sealed.signature,
    }
    text = json.dumps(shown, indent=2, sort_keys=True, ensure_ascii=False)
    beside = path.with_suffix(".tmp")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _file_faults(path: Path, sealed: Sealed) -> list[str]:
    try:
        shown = json.loads(path.read_text(encoding="utf-8"))
        same = canonical(shown["document"]) == sealed.document
        same = same and (shown["digest"], shown["signature"]) == (sealed.digest, sealed.signature)
    except FileNotFoundError:
        return [f"its file {path.name} is gone"]
    except (OSError, ValueError, KeyError, TypeError):
        return [f"its file {path.name} cannot be read"]
    return [] if same else [f"its file {path.name} says something else"]
