"""What may hide in the words of an error: secrets, addresses, what a database quoted. Cut out, never kept."""

from __future__ import annotations

import re

CUT = "[cut]"

# What may hide in a message. Order matters: addresses with passwords before e-mail addresses.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)\bDETAIL:.*", re.DOTALL), f"DETAIL: {CUT}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s@]+@"), rf"\1{CUT}@"),
    (re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]*"), rf"\1?{CUT}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {CUT}"),
    (re.compile(r"\b(whsec|whsk|whpk|ck|cs|sk|pk|shpat|shpss|isk)_[A-Za-z0-9+/=_.-]{6,}"), CUT),
    (
        re.compile(
            r"(?i)(['\"]?\b(?:password|passwd|secret|token|api_?key|consumer_(?:key|secret)|authorization"
            r"|signature|cookie)\b['\"]?\s*[:=]\s*)(['\"]?)[^\s'\",;}]+"
        ),
        rf"\1\2{CUT}",
    ),
    (re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"), CUT),
    (re.compile(r"\b[A-Za-z0-9+/_-]{40,}={0,2}"), CUT),
    (re.compile(r"(?<![\w.-])\+?\d[\d ()/-]{9,}\d(?![\w.-])"), CUT),
)


def redact(text: str) -> str:
    """Return the text without secrets, e-mail addresses, long numbers and what a database quoted."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text[:1000]


def in_words(error: BaseException) -> str:
    """Return an unforeseen error as it may be kept and shown: its kind, and its words without secrets."""
    return f"{type(error).__name__}: {redact(str(error))}"
