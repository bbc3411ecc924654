"""The words of a message: what, since when, how many, units at risk, what to do, where to look. Facts only.

Written to be read on a telephone at 3 a.m. Holds nothing secret: summaries are written for pages, and the
link to acknowledge is the only thing in it that opens anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.urls import reverse

from inventory_sync.cases import runbooks
from inventory_sync.cases.models_telling import Notice, Route
from inventory_sync.cases.telling.acknowledging import link
from inventory_sync.domain.telling import Occasion, rank

NAMED = 3  # cases of a group that are quoted
IDS_SENT = 100
STEPS = 6
LINE = 240


@dataclass(frozen=True, slots=True)
class Words:
    subject: str
    text: str
    html: str
    payload: str


@dataclass(frozen=True, slots=True)
class Part:
    """One group of a message: cases of one code at one connection, or one alert."""

    title: str
    code: str
    connection: str
    occasion: str
    severity: str
    team: str
    cases: int
    since: datetime
    since_words: str
    units: str
    quoted: tuple[str, ...]
    more: int
    steps: tuple[str, ...]
    url: str
    ids: tuple[int, ...]

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        where = f"{self.code} at {self.connection}" if self.connection else self.code
        pairs = (
            ("What", where),
            ("Since", self.since_words),
            ("How many", f"{self.cases:,} case{'s'[: self.cases != 1]}" if self.cases else ""),
            ("Units at risk", self.units),
            ("Team", self.team),
        )
        return tuple((name, value) for name, value in pairs if value)


def compose(
    route: Route, rows: Sequence[Notice], *, key: str, severity: str, now: datetime, hub: str
) -> Words:
    """Return the words for these notices of one route."""
    groups: dict[tuple[Any, ...], list[Notice]] = {}
    for row in rows:
        told = row.happening
        over = told.occasion == Occasion.CLOSED
        alone = row.happening_id if row.case_id is None else 0
        groups.setdefault((over, row.step == 0, told.code, told.connection_code, alone), []).append(row)
    parts = [_part(route, group, now=now, hub=hub) for group in groups.values()]
    parts.sort(key=lambda part: (part.occasion == "closed", -rank(part.severity), -part.cases))
    news = [part for part in parts if part.occasion != "closed"]
    acknowledge = link(hub, key, now=now) if news else ""
    held = sum(row.held_back for row in rows)
    subject = _subject(parts, severity)
    context = {
        "parts": parts,
        "subject": subject,
        "severity": severity,
        "acknowledge": acknowledge,
        "held": f"{held:,} of these were held back: this route had its messages of the hour." if held else "",
        "escalates": _escalates(route) if news else "",
        "route": route.name,
        "steps_of": _by_code(news),
    }
    return Words(
        subject=subject,
        text=render_to_string("telling/message.txt", context).strip() + "\n",
        html=render_to_string("telling/message.html", context),
        payload=_payload(route, parts, subject=subject, severity=severity, acknowledge=acknowledge, now=now),
    )


def words_of_a_test(route: Route, *, by: str, key: str, now: datetime, hub: str) -> Words:
    """Return the words of a test message."""
    subject = _line(f"Test of the route {route.name}", 160)
    note = f"{by} sent this to see whether it arrives. Nothing is wrong and there is nothing to do."
    context = {"subject": subject, "note": note, "route": route.name, "severity": "low", "parts": []}
    data = {"route": route.name, "subject": subject, "text": note}
    return Words(
        subject=subject,
        text=render_to_string("telling/message.txt", context).strip() + "\n",
        html=render_to_string("telling/message.html", context),
        payload=_json("telling.test", now, data),
    )


def _part(route: Route, rows: Sequence[Notice], *, now: datetime, hub: str) -> Part:
    first = rows[0].happening
    cases = {row.case_id: row.case for row in rows if row.case is not None}
    risks = [case.units_at_risk for case in cases.values() if case.units_at_risk is not None]
    since = min([case.created_at for case in cases.values()] or [first.at])
    occasion = _occasion(rows)
    newest = sorted(cases.values(), key=lambda case: -case.pk)[:NAMED]
    quoted = tuple(dict.fromkeys(_line(case.summary) for case in newest)) or (_line(first.text),)
    return Part(
        title=_title(occasion, len(cases), first.code, first.connection_code, alert=first.subject),
        code=first.code,
        connection=first.connection_code,
        occasion=occasion,
        severity=max((row.happening.severity for row in rows), key=rank),
        team=first.team,
        cases=len(cases),
        since=since,
        since_words=_since(since, now, ZoneInfo(route.time_zone)),
        units=_units(sum(risks, Decimal(0))) if risks else "",
        quoted=quoted,
        more=len(cases) - len(quoted) if cases else 0,
        steps=() if occasion == "closed" else _steps(first.code),
        url=_url(hub, first.code, first.connection_code, list(cases), over=occasion == "closed"),
        ids=tuple(sorted(pk for pk in cases if pk is not None))[:IDS_SENT],
    )


def _occasion(rows: Sequence[Notice]) -> str:
    """Return the one word for a group: escalated, closed, alert, or what happened last if all agree."""
    if any(row.step for row in rows):
        return "escalated"
    kinds = {row.happening.occasion for row in rows}
    return kinds.pop() if len(kinds) == 1 else Occasion.OPENED.value


_TITLES = {
    "opened": "{many} of {what}",
    "worsened": "Worse: {many} of {what}",
    "reopened": "Open again: {many} of {what}",
    "handed_over": "Handed over to you: {many} of {what}",
    "escalated": "Nobody has acknowledged {many} of {what}",
    "closed": "Over: {many} of {what}",
}


def _title(occasion: str, cases: int, code: str, connection: str, *, alert: str) -> str:
    if not cases:
        return f"Nobody has acknowledged: {alert}" if occasion == "escalated" else alert
    what = f"{code} at {connection}" if connection else code
    return _TITLES[occasion].format(many="a case" if cases == 1 else f"{cases:,} cases", what=what)


def _subject(parts: Sequence[Part], severity: str) -> str:
    """Return a line that says enough on a locked screen; no line break gets into it."""
    mark = "" if all(part.occasion == "closed" for part in parts) else f"[{severity}] "
    first = parts[0]
    words = first.title
    if len(parts) > 1:
        words = f"{words} and {len(parts) - 1} more"
    elif first.cases == 1 and first.quoted:
        words = f"{words}: {first.quoted[0]}"
    return _line(f"{mark}{words}", 160)


def _escalates(route: Route) -> str:
    if route.escalate_to is None or route.escalate_after_min is None:
        return ""
    return f"If nobody does so within {route.escalate_after_min} minutes, {route.escalate_to.name} is told."


def _by_code(parts: Sequence[Part]) -> list[tuple[str, tuple[str, ...]]]:
    """Return what to do, once per code."""
    return list({part.code: part.steps for part in parts if part.steps}.items())


def _steps(code: str) -> tuple[str, ...]:
    """Return the first steps of a code's runbook page."""
    return steps_in(runbooks.page(code)) if runbooks.has_page(code) else ()


def steps_in(page: str) -> tuple[str, ...]:
    """Return the items of "What to do", each as one line, or its paragraph when it is no list."""
    _, _, after = page.partition("## What to do\n")
    section, _, _ = after.partition("\n## ")
    steps: list[str] = []
    for line in (raw.strip() for raw in section.splitlines()):
        item = re.match(r"(?:[-*]|\d+\.)\s+", line)
        if item:
            steps.append(line[item.end() :])
        elif line and steps:
            steps[-1] += f" {line}"
        elif line:
            steps.append(line)
    return tuple(_line(_plain(step)) for step in steps[:STEPS])


def _plain(markdown: str) -> str:
    return (
        re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", markdown).replace("`", "").replace("**", "").replace("*", "")
    )


def _url(hub: str, code: str, connection: str, ids: Sequence[Any], *, over: bool) -> str:
    if len(ids) == 1:
        return f"{hub.rstrip('/')}{reverse('admin:cases_case_change', args=ids)}"
    asked = {"state__exact": "" if over else "open", "code": code, "connection_code": connection}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{hub.rstrip('/')}{reverse('admin:cases_case_changelist')}?{query}"


def _since(since: datetime, now: datetime, zone: ZoneInfo) -> str:
    minutes = max(0, int((now - since).total_seconds() // 60))
    hours, rest = divmod(minutes, 60)
    ago = f"{hours // 24} days" if hours >= 48 else f"{hours} h {rest} min" if hours else f"{rest} min"
    return f"{since.astimezone(zone):%a %d %b, %H:%M %Z} ({ago} ago)"


def _units(units: Decimal) -> str:
    return f"{units.normalize():,f}"


def _line(text: str, most: int = LINE) -> str:
    """Return text as one printable line, cut at `most` letters."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _payload(
    route: Route, parts: Sequence[Part], *, subject: str, severity: str, acknowledge: str, now: datetime
) -> str:
    data = {
        "route": route.name,
        "subject": subject,
        "severity": severity,
        "cases": sum(part.cases for part in parts),
        "groups": [
            {
                "occasion": part.occasion,
                "title": part.title,
                "code": part.code,
                "connection": part.connection,
                "severity": part.severity,
                "team": part.team,
                "cases": part.cases,
                "case_ids": list(part.ids),
                "since": part.since.astimezone(UTC).isoformat(),
                "units_at_risk": part.units.replace(",", "") or None,
                "summaries": list(part.quoted),
                "what_to_do": list(part.steps),
                "url": part.url,
            }
            for part in parts
        ],
        "acknowledge_url": acknowledge or None,
    }
    kinds = {part.occasion for part in parts}
    kind = f"case.{kinds.pop()}" if len(kinds) == 1 else "case.digest"
    return _json("alert" if kind == "case.alert" else kind, now, data)


def _json(kind: str, now: datetime, data: dict[str, Any]) -> str:
    """Return the body as Standard Webhooks has it: type, timestamp, data."""
    return json.dumps(
        {"type": kind, "timestamp": now.astimezone(UTC).isoformat(), "data": data}, ensure_ascii=False
    )
