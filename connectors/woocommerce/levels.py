"""Read and write stock figures of a shop: absolute ones; a 200 proves nothing, so answers are compared.

Products and variations live at different addresses: variations are written per parent, and a variation that
shares its parent's stock cannot be written at all. Does not decide which figure is right or when to write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from connectors.base.fields import clean, quantity_of
from connectors.woocommerce.rest import (
    NO_ROUTE,
    Rest,
    answered_list,
    authentication_error,
    missing,
    vendor_code,
)
from inventory_sync.domain.errors import (
    MalformedPayload,
    NotApplied,
    OutcomeUnknown,
    RemoteRefused,
    RemoteUnavailable,
    SyncError,
    Unsupported,
)
from inventory_sync.domain.ports import LevelWrite, ListingLevel, ListingRef, WriteResult

T = TypeVar("T")

BATCH = 100
FIELDS = ("_fields", "id,parent_id,type,manage_stock,stock_quantity,date_modified_gmt")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listing lives: `parent` is 0 for products; a variation without a known parent is read alone."""

    number: int
    variation: bool
    parent: int

    @property
    def batch_path(self) -> str:
        return f"/products/{self.parent}/variations/batch" if self.variation else "/products/batch"


def place_of(ref: ListingRef) -> Place:
    """Return the place a ref names, or raise Unsupported: ids are kept with their kind."""
    kind, _, number = ref.external_id.partition(":")
    parent = ref.parent_id.removeprefix("product:")
    if kind not in ("product", "variation") or not _is_number(number) or (parent and not _is_number(parent)):
        raise Unsupported(f"{clean(ref.external_id, limit=60)!r} is not product:ID or variation:ID.")
    return Place(int(number), kind == "variation", int(parent or 0) if kind == "variation" else 0)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18 and int(text) > 0


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────


class LevelReader:
    """Reads figures a hundred at a time. Remembers whether the shop has `/variations` (10.3 and later)."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._has_global_variations = True

    def read(self, refs: Sequence[ListingRef]) -> list[ListingLevel]:
        """Return one level per ref, in the order asked; one bad ref does not fail the rest."""
        places: list[Place | SyncError] = [_place_or_error(ref) for ref in refs]
        wanted = [place for place in places if isinstance(place, Place)]
        rows = self._rows("/products", [place.number for place in wanted if not place.variation])
        variations = [place for place in wanted if place.variation]
        rows |= self._variations(variations)
        return [
            ListingLevel(ref, None, error=place) if isinstance(place, SyncError) else _level(ref, place, rows)
            for ref, place in zip(refs, places, strict=True)
        ]

    def _rows(self, path: str, numbers: Iterable[int]) -> dict[int, Mapping[str, Any]]:
        found: dict[int, Mapping[str, Any]] = {}
        for some in chunks(sorted(set(numbers)), BATCH):
            include = ",".join(map(str, some))
            query = (
                ("include", include),
                ("per_page", str(BATCH)),
                ("orderby", "id"),
                ("order", "asc"),
                FIELDS,
            )
            rows, _ = self._rest.page(path, query)
            found |= {row["id"]: row for row in rows}
        return found

    def _variations(self, places: Sequence[Place]) -> dict[int, Mapping[str, Any]]:
        if places and self._has_global_variations:
            try:
                return self._rows("/variations", [place.number for place in places])
            except RemoteRefused as refused:
                if refused.vendor_code != NO_ROUTE:
                    raise
                self._has_global_variations = False
        found: dict[int, Mapping[str, Any]] = {}
        for parent in sorted({place.parent for place in places}):
            numbers = [place.number for place in places if place.parent == parent]
            try:
                if parent:
                    found |= self._rows(f"/products/{parent}/variations", numbers)
                else:
                    found |= {
                        number: self._rest.get_object(f"/products/{number}", (FIELDS,)) for number in numbers
                    }
            except RemoteRefused as refused:
                if not missing(refused):
                    raise
        return found


def _place_or_error(ref: ListingRef) -> Place | SyncError:
    try:
        return place_of(ref)
    except Unsupported as error:
        return error


def _level(ref: ListingRef, place: Place, rows: Mapping[int, Mapping[str, Any]]) -> ListingLevel:
    row = rows.get(place.number)
    if row is None:
        return ListingLevel(ref, None, error=RemoteRefused("The shop does not list it: deleted or trashed."))
    try:
        return ListingLevel(ref, figure_of(row), stamp=stamp_of(row))
    except MalformedPayload as error:
        return ListingLevel(ref, None, stamp=stamp_of(row), error=error)


def figure_of(row: Mapping[str, Any]) -> Decimal | None:
    """Return the figure the shop keeps for this row itself; None when unmanaged or shared with the parent."""
    if row.get("manage_stock") is not True or row.get("stock_quantity") is None:
        return None
    return quantity_of(row["stock_quantity"], "stock_quantity")


def stamp_of(row: Mapping[str, Any]) -> str:
    stamp = row.get("date_modified_gmt")
    return clean(stamp, limit=40) if isinstance(stamp, str) else ""


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Line:
    position: int
    place: Place
    figure: int


def write_levels(rest: Rest, writes: Sequence[LevelWrite], *, force_manage_stock: bool) -> list[WriteResult]:
    """Write figures and return one result per write, in the order asked.

    Raises only when no line came through; afterwards each line carries what is known of it alone. A failed
    call ends the run: its lines carry its error, and the lines never sent say so.
    """
    results: dict[int, WriteResult] = {}
    lines: list[_Line] = []
    for position, write in enumerate(writes):
        try:
            lines.append(_Line(position, place_of(write.ref), _whole(write.figure)))
            if lines[-1].place.variation and not lines[-1].place.parent:
                raise Unsupported("A variation is written below its parent, which is not known.")
        except Unsupported as error:
            results[position] = WriteResult(write.ref, error=error)
    lines = [line for line in lines if line.position not in results]

    failed: SyncError | None = None
    sent_any = False
    for path, group in _calls(lines):
        if failed is None:
            try:
                results |= _write_group(rest, writes, path, group, force_manage_stock=force_manage_stock)
                sent_any = True
                continue
            except SyncError as error:
                if not sent_any:
                    raise
                failed = error
                results |= {
                    line.position: WriteResult(writes[line.position].ref, error=error) for line in group
                }
                continue
        unsent = RemoteUnavailable("Not sent: an earlier call of this run failed.")
        results |= {line.position: WriteResult(writes[line.position].ref, error=unsent) for line in group}
    return [results[position] for position in range(len(writes))]


def _calls(lines: Sequence[_Line]) -> list[tuple[str, Sequence[_Line]]]:
    """Group lines into calls of at most a hundred: products together, variations per parent."""
    groups: dict[str, list[_Line]] = {}
    for line in lines:
        groups.setdefault(line.place.batch_path, []).append(line)
    return [(path, some) for path, group in groups.items() for some in chunks(group, BATCH)]


def _whole(figure: Decimal) -> int:
    """Return the figure as the whole number the shop takes; a batch would cut a fraction without a word."""
    if not figure.is_finite() or abs(figure) > 10**12 or figure != figure.to_integral_value():
        raise Unsupported(f"WooCommerce takes whole figures only, not {figure}.")
    return int(figure)


def _write_group(
    rest: Rest, writes: Sequence[LevelWrite], path: str, group: Sequence[_Line], *, force_manage_stock: bool
) -> dict[int, WriteResult]:
    answers = _batch(rest, path, [{"id": line.place.number, "stock_quantity": line.figure} for line in group])
    results = {line.position: _judge(writes[line.position], line, answer)
               for line, answer in zip(group, answers, strict=True)}  # fmt: skip
    if force_manage_stock:
        asleep = [
            line
            for line, answer in zip(group, answers, strict=True)
            if isinstance(answer, Mapping) and answer.get("manage_stock") is False and not answer.get("error")
        ]
        results |= _wake(rest, writes, path, asleep)
    return results


def _wake(
    rest: Rest, writes: Sequence[LevelWrite], path: str, asleep: Sequence[_Line]
) -> dict[int, WriteResult]:
    """Write again with stock management switched on, for the lines whose answer said it is off."""
    if not asleep:
        return {}
    items = [
        {"id": line.place.number, "manage_stock": True, "stock_quantity": line.figure} for line in asleep
    ]
    try:
        answers = _batch(rest, path, items)
    except SyncError as error:
        return {line.position: WriteResult(writes[line.position].ref, error=error) for line in asleep}
    return {line.position: _judge(writes[line.position], line, answer)
            for line, answer in zip(asleep, answers, strict=True)}  # fmt: skip


def _batch(rest: Rest, path: str, items: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return one answer per item; None where the shop's answer lacks it, False where it read nothing."""
    data = rest.write("POST", path, {"update": list(items)})
    answers = answered_list(data, "update")
    if not answers:
        return [False] * len(items)
    return [answers[position] if position < len(answers) else None for position in range(len(items))]


def _judge(write: LevelWrite, line: _Line, answer: Any) -> WriteResult:
    """Compare what the shop now shows with what was sent."""
    if answer is False:
        return WriteResult(write.ref, error=NotApplied("The shop said yes and read nothing of the request."))
    if not isinstance(answer, Mapping) or answer.get("id") != line.place.number:
        return WriteResult(write.ref, error=OutcomeUnknown("The shop's answer does not name this line."))
    if answer.get("error"):
        return WriteResult(write.ref, error=_line_error(answer["error"]))
    stamp = stamp_of(answer)
    if answer.get("manage_stock") == "parent":
        error: SyncError = NotApplied("The variation shares its parent's stock; map and write the parent.")
        return WriteResult(write.ref, stamp=stamp, error=error)
    if answer.get("manage_stock") is False:
        error = NotApplied("The shop keeps no stock for this listing; switch on stock management.")
        return WriteResult(write.ref, stamp=stamp, error=error)
    try:
        figure = quantity_of(answer.get("stock_quantity"), "stock_quantity")
    except MalformedPayload:
        unknown = OutcomeUnknown("The shop's answer shows no figure for this line.")
        return WriteResult(write.ref, stamp=stamp, error=unknown)
    if figure != line.figure:
        error = NotApplied(f"The shop shows {figure} after {line.figure} was written.")
        return WriteResult(write.ref, figure, stamp, error)
    return WriteResult(write.ref, figure, stamp)


def _line_error(error: Any) -> SyncError:
    code = vendor_code(error)
    return authentication_error(code) or RemoteRefused(f"The shop refused this line: {code or 'no code'}.")


def chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
