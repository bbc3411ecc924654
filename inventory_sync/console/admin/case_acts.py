"""What is done about cases: retried, assigned, hidden, closed. Shown first, then done with a reason.

What is acted on is frozen at the click: chosen cases by their ids, a group by its code and connection and the
newest case that was shown. A case that is opened after the page was shown is never touched by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Max, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode

from inventory_sync.audit import services as audit
from inventory_sync.cases import runs, selectors, services, undoing
from inventory_sync.cases.models import Case, RetryRun
from inventory_sync.console.admin.asking import Pace, To, Until, Why
from inventory_sync.console.admin.base import actor_of, sentences
from inventory_sync.console.admin.case_editing import MAY_EDIT
from inventory_sync.console.deeds import Card, facts, ids_in, many
from inventory_sync.console.formats import age
from inventory_sync.domain.errors import SyncError
from inventory_sync.intake.ports import DELIVERY_KIND
from inventory_sync.pipeline.remedies.registry import remedy_for
from inventory_sync.pipeline.wake import waker
from inventory_sync.support.clock import utc_now

MOST = runs.MOST_IN_A_RUN
MOST_BY_HAND = 2_000  # each is locked, written and audited while the browser waits
CARDS = 5
SAMPLE = 50


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that is done about open cases. `one`: only for one case, `group`: also for a whole group."""

    name: str
    permission: str
    verb: str
    icon: str
    promise: str
    form: type[Why] = Why
    group: bool = True
    initial: Mapping[str, Any] = field(default_factory=dict)


_RETRY = (
    "Each case is begun by what its kind needs, no faster than you say, and followed to its end. A case that "
    "is over when its turn comes is skipped. You see every outcome on the next page, and can cancel there."
)
ACTS: Sequence[Act] = (
    Act("retry", services.PERMISSIONS["retry"], "Retry", "refresh", _RETRY, Pace),
    Act(
        "retry-one", services.PERMISSIONS["retry"], "Retry one first", "looks_one",
        "Only the one that has been open longest is begun and followed to its end; then the rest is offered.",
    ),
    Act(
        "assign", services.PERMISSIONS["assign"], "Assign", "person_add",
        "Whoever it is finds it under “mine” in the inbox. Nothing is retried by that.", To,
    ),
    Act(
        "acknowledge", services.PERMISSIONS["acknowledge"], "Acknowledge", "visibility",
        "You have seen it: nobody further up is told. The case stays open.",
    ),
    Act(
        "snooze", services.PERMISSIONS["snooze"], "Hide for a while", "snooze",
        "It is left out of the inbox until then; seen again and worse, it comes back at once.",
        Until,
    ),
    Act(
        "resolve", services.PERMISSIONS["resolve"], "Resolve", "task_alt",
        "The case is closed with what you write. Nothing is retried by that; seen again, it is a new case.",
    ),
    Act(
        "discard", services.PERMISSIONS["discard"], "Discard", "delete",
        "The case is given up on purpose: what failed stays undone. Seen again, it is a new case.",
    ),
)  # fmt: skip
BY_NAME = {act.name: act for act in ACTS}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an act is about: chosen ids, or a group up to the newest case that was shown."""

    rows: QuerySet[Case]
    code: str = ""
    connection_code: str = ""
    newest: int = 0
    is_group: bool = False


class CaseActs:
    """Mixed into the page of cases: its acts."""

    admin_site: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("act/<slug:name>/", view(self.act_view), name="cases_case_act"),
            path("<int:case_id>/undo/", view(self.undo_view), name="cases_case_undo"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def acts_offered(
        self, request: HttpRequest, asked: Mapping[str, str], *, cases: int = 1, case: Case | None = None
    ) -> list[dict[str, str]]:
        """Return the buttons for those acts that the person may do and that make sense here."""
        if case is not None and case.state != Case.State.OPEN:
            return []
        now = utc_now()
        possible = case is None or remedy_for(case).foresee(case, now=now).possible
        offered = []
        for act in ACTS:
            if not request.user.has_perm(act.permission) or (act.name.startswith("retry") and not possible):
                continue
            if act.name == "retry-one" and cases < 2:
                continue
            if act.name == "acknowledge" and case is not None and case.acknowledged_at is not None:
                continue
            verb = f"Retry all {cases}" if act.name == "retry" and cases > 1 else act.verb
            url = f"{reverse('admin:cases_case_act', args=[act.name])}?{urlencode(asked)}"
            offered.append({"verb": verb, "icon": act.icon, "url": url, "name": act.name})
        if (
            case is not None
            and case.subject_kind == DELIVERY_KIND
            and possible
            and request.user.has_perm(MAY_EDIT)
        ):
            url = reverse("admin:cases_case_edit", args=[case.pk])
            offered.insert(1, {"verb": "Edit and retry", "icon": "edit", "url": url, "name": "edit"})
        return offered

    def runs_shown(self) -> list[dict[str, Any]]:
        """Return the newest runs with how far they are."""
        newest = list(selectors.runs()[:6])
        progress = selectors.progress(newest)
        return [{"run": run, "progress": progress[run.pk]} for run in newest]

    # ── the acts ──

    def act_view(self, request: HttpRequest, name: str) -> HttpResponse:
        act = BY_NAME.get(name)
        if act is None:
            raise Http404
        if not (request.user.has_perm(act.permission) and self.has_view_permission(request)):  # type: ignore[attr-defined]
            raise PermissionDenied
        now = utc_now()
        chosen = _chosen(request)
        most = MOST if act.name.startswith("retry") else MOST_BY_HAND
        ids = list(chosen.rows.order_by("pk").values_list("pk", flat=True)[:most])
        form_type = act.form if len(ids) > 1 or act.form is not Pace else Why
        form = form_type(request.POST or None, initial=dict(act.initial))
        if request.method == "POST" and form.is_valid() and ids:
            try:
                with transaction.atomic():
                    where, done = _do(act, ids, chosen, form.cleaned_data, actor=actor_of(request), now=now)
            except (ValidationError, SyncError) as error:
                for sentence in sentences(error):
                    form.add_error(None, sentence)
            else:
                _say(request, act, done, asked=1 if act.name == "retry-one" else len(ids))
                return HttpResponseRedirect(where)
        return TemplateResponse(
            request, "console/case_act.html", self._about(request, act, form, ids, chosen)
        )

    def _about(
        self, request: HttpRequest, act: Act, form: Why, ids: list[int], chosen: Chosen
    ) -> dict[str, Any]:
        now = utc_now()
        shown = list(
            Case.objects.filter(pk__in=ids[: 1 if act.name == "retry-one" else CARDS]).order_by("pk")
        )
        cards = [_card(case, now=now, retries=act.name.startswith("retry")) for case in shown]
        named = 1 if act.name == "retry-one" else len(ids)
        return {
            **self.admin_site.each_context(request),
            "title": f"{act.verb}: {many(named, 'case')}",
            "opts": Case._meta,
            "act": act,
            "form": form,
            "cards": cards,
            "more": named - len(cards),
            "most": len(ids) if len(ids) in (MOST, MOST_BY_HAND) and act.name != "retry-one" else 0,
            "others": self._others(request, act),
            "manners": _manners(ids) if act.name == "retry" and len(ids) > 1 else [],
            "newest": max(ids, default=0) if chosen.is_group else 0,
            "chosen": chosen,
            "back": reverse("admin:cases_case_inbox"),
        }

    def _others(self, request: HttpRequest, act: Act) -> list[dict[str, str]]:
        """Return what else may be done about what was chosen."""
        asked = request.GET.urlencode()
        return [
            {
                "verb": each.verb,
                "icon": each.icon,
                "url": f"{reverse('admin:cases_case_act', args=[each.name])}?{asked}",
            }
            for each in ACTS
            if each is not act and request.user.has_perm(each.permission)
        ]

    # ── undoing ──

    def undo_view(self, request: HttpRequest, case_id: int) -> HttpResponse:
        """Show a hidden case again, or open one again that somebody closed by mistake."""
        case = Case.objects.filter(pk=case_id).first()
        if case is None or request.method != "POST":
            raise Http404
        hidden = case.state == Case.State.OPEN
        if not request.user.has_perm(services.PERMISSIONS["snooze" if hidden else "resolve"]):
            raise PermissionDenied
        undo = undoing.show_again if hidden else undoing.reopen
        try:
            acted = undo([case.pk], actor=actor_of(request), reason="undone on its page", now=utc_now())
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            if acted.done:
                messages.success(request, "Shown again." if hidden else "Open again.")
            else:
                messages.error(request, "It was not changed: the same failure has an open case already.")
        return HttpResponseRedirect(reverse("admin:cases_case_change", args=[case.pk]))


def _say(request: HttpRequest, act: Act, done: int, *, asked: int) -> None:
    """Say how many cases an act changed, and that it left the others."""
    if done == asked:
        messages.success(request, f"{act.verb}: {many(done, 'case')}.")
        return
    left = "over already, as asked, or in somebody's hands"
    messages.warning(request, f"{act.verb}: {done} of {many(asked, 'case')}; the others were {left}.")


def group_of(code: str, connection_code: str) -> dict[str, str]:
    """Return how a group is named in an address."""
    return {"code": code, "connection": connection_code}


def _chosen(request: HttpRequest) -> Chosen:
    """Return the open cases that an address names; of a group no more than the page showed."""
    rows = Case.objects.filter(state=Case.State.OPEN)
    if "ids" in request.GET:
        return Chosen(rows.filter(pk__in=ids_in(request.GET["ids"])))
    code, connection = request.GET.get("code", ""), request.GET.get("connection", "")
    if not code:
        return Chosen(rows.none())
    rows = selectors.cases(_filters(request, code, connection), now=utc_now())
    newest = rows.aggregate(newest=Max("pk"))["newest"] or 0
    if request.method == "POST":
        newest = min(newest, next(iter(ids_in(request.POST.get("newest", ""))), 0))
        rows = rows.filter(pk__lte=newest)
    return Chosen(rows, code, connection, newest, is_group=True)


def _filters(request: HttpRequest, code: str, connection: str) -> selectors.Filters:
    """Return what the inbox showed of a group: nobody acts on a case that the page left out."""
    given = request.GET
    return selectors.Filters(
        code=code,
        connection_code=connection,
        team=given.get("team", ""),
        severity=given.get("severity", ""),
        assigned_to=request.user.get_username() if given.get("mine") else None,
        snoozed=None if given.get("hidden") else False,
    )


def _do(
    act: Act, ids: list[int], chosen: Chosen, given: Mapping[str, Any], *, actor: audit.Actor, now: datetime
) -> tuple[str, int]:
    """Do it; return the page that shows what has become of it, and how many cases it changed."""
    reason = given["reason"]
    one = reverse("admin:cases_case_change", args=[ids[0]])
    where = reverse("admin:cases_case_inbox") if len(ids) > 1 else one
    match act.name:
        case "retry" | "retry-one":
            run = runs.freeze_run(
                ids[:1] if act.name == "retry-one" else ids,
                actor=actor,
                reason=reason,
                now=now,
                per_minute=given.get("per_minute") or 60,
                code=chosen.code,
                connection_code=chosen.connection_code,
            )
            transaction.on_commit(lambda: waker().want("pipeline.retry_cases"), robust=True)
            return reverse("admin:cases_retryrun_change", args=[run.pk]), run.lines.count()
        case "assign":
            acted = services.assign(ids, to=given["to"], actor=actor, reason=reason, now=now)
        case "snooze":
            until = now + timedelta(hours=int(given["hours"]))
            acted = services.snooze(ids, until=until, actor=actor, reason=reason, now=now)
        case "acknowledge":
            acted = services.acknowledge(ids, actor=actor, reason=reason, now=now)
        case "resolve":
            acted = services.resolve(ids, actor=actor, reason=reason, now=now)
        case _:
            acted = services.discard(ids, actor=actor, reason=reason, now=now)
    return where, len(acted.done)


def _card(case: Case, *, now: datetime, retries: bool) -> dict[str, Any]:
    """Return one case on the page of an act; of a retry with what would be sent."""
    told = facts(
        ("Code", case.code),
        ("Connection", case.connection_code),
        ("Owner", case.assigned_to or case.owner_team),
        ("Open for", age(case.created_at, now=now)),
        ("Seen", many(case.times, "time")),
    )
    url = reverse("admin:cases_case_change", args=[case.pk])
    if not retries:
        return {"card": Card(case.summary, url, told)}
    seen = remedy_for(case).foresee(case, now=now)
    card = Card(case.summary, url, seen.facts or told, seen.lines[:10], tone="" if seen.possible else "wait")
    return {"card": card, "seen": seen}


def _manners(ids: Sequence[int]) -> list[tuple[str, int]]:
    """Return how many of a group would be retried in which manner; a large one is sampled, and says so."""
    now = utc_now()
    sample = list(Case.objects.filter(pk__in=ids[:SAMPLE]).order_by("pk"))
    counts = Counter(remedy_for(case).foresee(case, now=now).manner.value for case in sample)
    rest = len(ids) - len(sample)
    return [
        *counts.most_common(),
        *([("not looked at yet: each is when its turn comes", rest)] if rest else []),
    ]


def run_is_live(run: RetryRun) -> bool:
    """Whether something of it is still to happen."""
    open_states = ("waiting", "begun")
    return run.lines.filter(state__in=open_states).exists()
