"""How a copy of an order is shown: wanted against seen, and from the order's page. Reads only."""

from __future__ import annotations

from decimal import Decimal

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from inventory_sync.console.formats import quantity
from inventory_sync.domain.commands import CopySeen, CopyState
from inventory_sync.domain.copies import seen_lines, wanted_lines
from inventory_sync.workflows.models import Copy, DeliveryTold
from inventory_sync.workflows.rows import seen, wanted

SHORT = {
    "owed": "Owed",
    "settled": "As wanted",
    "told": "Told",
    "refused": "Refused",
    "given_up": "Given up",
}


def compared(row: Copy) -> list[tuple[str, str, Decimal, Decimal]]:
    """Return (line, item there, wanted, seen) of every line that is wanted or was seen."""
    want = {} if row.cancelled else wanted_lines(wanted(row))
    there = seen_lines(seen(row) or CopySeen(CopyState.ABSENT))
    nothing = Decimal(0)
    return [
        (*key, want.get(key, nothing), there.get(key, nothing)) for key in sorted(want.keys() | there.keys())
    ]


def lines_table(row: Copy) -> SafeString:
    """Return wanted against seen, line by line; what differs stands out."""
    labels = {(line["line_ref"], line["item_ref"]): line.get("label", "") for line in row.lines}
    left = {(line["line_ref"], line["item_ref"]): Decimal(line["delivered"]) for line in row.seen_lines}
    body = format_html_join(
        "",
        '<tr><td>{}</td><td>{}</td><td>{}</td><td class="num">{}</td><td class="num {}">{}</td>'
        '<td class="num">{}</td></tr>',
        (
            (
                line,
                labels.get((line, item), ""),
                item,
                quantity(want),
                "" if want == there else "console-bad",
                quantity(there),
                quantity(left.get((line, item), Decimal(0))),
            )
            for line, item, want, there in compared(row)
        ),
    )
    return format_html(
        '<table class="console-table"><thead><tr><th>Line</th><th>SKU</th><th>There</th>'
        '<th class="num">Wanted</th><th class="num">Ordered there</th><th class="num">Left</th></tr></thead>'
        "<tbody>{}</tbody></table>",
        body,
    )


def copies_of(order_id: int) -> SafeString | str:
    """Return links to what other systems have of an order, for the order's own page."""
    copies = Copy.objects.filter(order_id=order_id).select_related("target", "location", "source")
    links = [
        (
            reverse("admin:workflows_copy_change", args=[row.pk]),
            f"{row.target.label}, {row.location.code}: {row.seen_document or 'not there yet'}",
            SHORT[row.state].lower(),
        )
        for row in copies.order_by("location__code")
    ]
    told = DeliveryTold.objects.filter(order_id=order_id).first()
    if told is not None:
        url = reverse("admin:workflows_deliverytold_change", args=[told.pk])
        links.append((url, "its channel, of what left", SHORT[told.state].lower()))
    if not links:
        return "—"
    return format_html_join("", '<div><a class="console-link" href="{}">{}</a> ({})</div>', links)
