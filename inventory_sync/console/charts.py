"""Small charts as SVG, drawn here and not in the browser. They take the colour of the text around them."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT = 120, 24


def spark(values: Sequence[float], *, words: str) -> SafeString:
    """Return a curve of these values, or nothing while there are less than two. `words` is read aloud."""
    if len(values) < 2:
        return SafeString("")
    top = max(*values, 1)
    step = WIDTH / (len(values) - 1)
    points = " ".join(
        f"{place * step:.1f},{HEIGHT - 1 - value / top * (HEIGHT - 3):.1f}"
        for place, value in enumerate(values)
    )
    return format_html(
        '<svg class="console-spark" viewBox="0 0 {} {}" role="img" aria-label="{}"'
        ' preserveAspectRatio="none">'
        '<title>{}</title><polyline points="{}" fill="none" stroke="currentColor" stroke-width="1.5" '
        'vector-effect="non-scaling-stroke"/></svg>',
        WIDTH, HEIGHT, words, words, points,
    )  # fmt: skip


def bars(values: Sequence[tuple[str, float | None]], *, limit: float, words: str) -> SafeString:
    """Return a bar per (words, value) beside a line at `limit`; what is over it is told apart.

    The scale is not even: ten times as much is one step more, so that 0.2 and 60 are both seen.
    """
    if not any(value is not None for _, value in values):
        return SafeString("")
    width = WIDTH * 2 / len(values)
    return format_html(
        '<svg class="console-bars" viewBox="0 0 {} {}" role="img" aria-label="{}" preserveAspectRatio="none">'
        '{}<line x1="0" x2="{}" y1="{}" y2="{}" stroke="currentColor" stroke-dasharray="3 3" '
        'vector-effect="non-scaling-stroke"/></svg>',
        WIDTH * 2, HEIGHT * 2, words,
        format_html_join(
            "",
            '<rect x="{}" width="{}" y="{}" height="{}" class="{}"><title>{}</title></rect>',
            (
                (
                    f"{place * width:.1f}", f"{width * 0.75:.1f}", f"{2 * HEIGHT - _tall(value, limit):.1f}",
                    f"{_tall(value, limit):.1f}", "over" if value > limit else "under", said,
                )
                for place, (said, value) in enumerate(values)
                if value is not None
            ),
        ),
        WIDTH * 2, f"{2 * HEIGHT - _tall(limit, limit):.1f}", f"{2 * HEIGHT - _tall(limit, limit):.1f}",
    )  # fmt: skip


def meter(share: float, *, words: str) -> SafeString:
    """Return a bar filled to a share of its width; more than all of it is full, and told apart."""
    filled = max(0.0, min(1.0, share)) * 100
    return format_html(
        '<span class="console-meter {}" role="img" aria-label="{}" title="{}">'
        '<b style="width:{}%"></b></span>',
        "over" if share >= 1 else "near" if share >= 0.5 else "", words, words, f"{filled:.1f}",
    )  # fmt: skip


def _tall(value: float, limit: float) -> float:
    """Return a height: the limit lies at three quarters, a thousandth of it at the ground."""
    if value <= 0:
        return 1.0
    decades = 3.0
    scale = 1.5 * HEIGHT / decades
    return max(1.0, min(2.0 * HEIGHT, (log10(value / limit) + decades) * scale))
