"""Carry out checks: slice by slice, each slice as of one instant, without a lock. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from django.db import connection

from inventory_sync.cases.models import Case
from inventory_sync.domain.invariants import EVERYTHING, Span, Violation
from inventory_sync.pipeline.invariants.registry import Check, Slice
from inventory_sync.support.snapshot import snapshot

SLICE_IDS = 20_000
SLICE_TIMEOUT_S = 120.0
WORK_MEM_MB = 128  # sums over a million movements stay in memory
SUBJECT_KIND = "invariant"


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found. `owned`: violations its rule allows, for somebody owns an open case of them."""

    check: Check
    violations: tuple[Violation, ...]
    owned: tuple[Violation, ...]
    seconds: float

    @property
    def holds(self) -> bool:
        return not self.violations


def ids_of(slice_: Slice) -> Span:
    """Return the ids of the table that a check is cut along."""
    if slice_ is Slice.WHOLE:
        return Span(0, 1)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(min(id), 1) - 1, coalesce(max(id), 0) FROM {slice_.value}")  # noqa: S608
        return Span(*cursor.fetchone())


def slices(ids: Span) -> Iterator[Span]:
    """Yield the slices of a span, one after the other."""
    after = ids.after
    while after < ids.upto:
        end = min(after + SLICE_IDS, ids.upto)
        yield Span(after, end)
        after = end


def find(check: Check, span: Span = EVERYTHING) -> Sequence[Violation]:
    """Return what violates the rule in a slice, as of one instant."""
    with snapshot(timeout_s=SLICE_TIMEOUT_S, work_mem_mb=WORK_MEM_MB):
        return check.find(span)


def look_at(
    checks: Sequence[Check],
    *,
    seconds: Callable[[], float],
    tell: Callable[[Result], None] = lambda _: None,
    one_instant: bool = True,
) -> list[Result]:
    """Carry out checks over everything; one_instant: all of them see the same instant.

    seconds: a clock that only goes forward, to say how long each took.
    """
    results = []
    with snapshot(work_mem_mb=WORK_MEM_MB) if one_instant else nullcontext():
        for check in checks:
            started = seconds()
            found = list(check.find(EVERYTHING))
            owned = _owned(check, found)
            kept = tuple(each for each in found if each.subject not in owned)
            allowed = tuple(each for each in found if each.subject in owned)
            result = Result(check, kept, allowed, seconds() - started)
            tell(result)
            results.append(result)
    return results


def case_subject(subject: str) -> str:
    """Return the subject as a case may hold it."""
    return subject[:120]


def _owned(check: Check, found: Sequence[Violation]) -> frozenset[str]:
    if not check.case_suffices or not found:
        return frozenset()
    open_cases = Case.objects.filter(code=check.code, subject_kind=SUBJECT_KIND, state=Case.State.OPEN)
    known = set(open_cases.values_list("subject_id", flat=True))
    return frozenset(each.subject for each in found if case_subject(each.subject) in known)
