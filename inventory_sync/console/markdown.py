"""Write the Markdown of our own runbooks as HTML: headings, lists, code, bold words. Escapes everything."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

_CODE = re.compile(r"`([^`]+)`")
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_SLANTED = re.compile(r"(?<![\w*])\*([^*\s][^*]*)\*(?!\w)")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_ITEM = re.compile(r"^(?:[-*]|\d+\.) +(.*)$")
_HEADING = re.compile(r"^(#{1,4}) +(.*)$")


def rendered(text: str) -> SafeString:
    """Return a page as HTML; what it does not know is a paragraph."""
    return mark_safe("\n".join(_blocks(text.splitlines())))  # noqa: S308 every word of it went through escape


def _blocks(lines: list[str]) -> Iterator[str]:
    paragraph: list[str] = []
    items: list[str] = []
    code: list[str] | None = None
    ordered = False

    def end() -> Iterator[str]:
        if paragraph:
            yield f"<p>{_inline(' '.join(paragraph))}</p>"
            paragraph.clear()
        if items:
            name = "ol" if ordered else "ul"
            yield f"<{name}>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</{name}>"
            items.clear()

    for line in lines:
        if line.startswith("```"):
            yield from end()
            if code is None:
                code = []
            else:
                yield format_html('<pre class="console-pre">{}</pre>', "\n".join(code))
                code = None
        elif code is not None:
            code.append(line)
        elif heading := _HEADING.match(line):
            yield from end()
            yield f"<h3>{_inline(heading[2])}</h3>"
        elif item := _ITEM.match(line):
            if paragraph or (items and ordered != line[0].isdigit()):
                yield from end()
            ordered = line[0].isdigit()
            items.append(item[1])
        elif not line.strip():
            yield from end()
        elif items and line.startswith(" "):
            items[-1] += f" {line.strip()}"
        else:
            if items:
                yield from end()
            paragraph.append(line.strip())
    if code is not None:
        yield format_html('<pre class="console-pre">{}</pre>', "\n".join(code))
    yield from end()


def _inline(text: str) -> str:
    """Write code as it is, bold and slanted words outside of it; of a link its words only."""
    parts = _CODE.split(text)
    for place, part in enumerate(parts):
        safe: str = escape(part)
        if place % 2:
            parts[place] = f'<span class="console-code">{safe}</span>'
            continue
        safe = _LINK.sub(r"\1", safe)
        safe = _BOLD.sub(r"<strong>\1</strong>", safe)
        parts[place] = _SLANTED.sub(r"<em>\1</em>", safe)
    return "".join(parts)
