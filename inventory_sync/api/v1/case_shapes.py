"""Cases and runs of retries as v1 answers them, field by field, and what is sent to act on them."""

from __future__ import annotations

from rest_framework import serializers

from inventory_sync.api.v1.reading import PageQuery, Quantity, Query
from inventory_sync.cases.models import Case, RetryLine, RetryRun, Severity
from inventory_sync.cases.selectors import age, is_hidden
from inventory_sync.pipeline.remedies.types import Manner
from inventory_sync.support.clock import utc_now

FASTEST_PER_MINUTE = 6_000
MOST_NAMED = 500


class CaseShape(serializers.ModelSerializer):
    """A failure that somebody owns."""

    id = serializers.IntegerField()
    state = serializers.CharField(help_text="open, resolved or discarded.")
    severity = serializers.CharField(help_text="low, normal or urgent.")
    raised_because = serializers.CharField(help_text="Why it is worse than its code alone.")
    connection = serializers.CharField(source="connection_code")
    item = serializers.CharField(source="item_sku")
    order = serializers.CharField(source="order_ref")
    units_at_risk = Quantity(allow_null=True, help_text="Base units that may be sold twice or not at all.")
    first_seen_at = serializers.DateTimeField(source="created_at")
    age_s = serializers.SerializerMethodField(help_text="Seconds it has been a case.")
    hidden = serializers.SerializerMethodField(help_text="Snoozed, until `snoozed_until`.")
    closed_by = serializers.CharField(help_text="Who closed it; empty: a later run succeeded, or it is open.")

    class Meta:
        model = Case
        fields = (
            "id",
            "code",
            "severity",
            "raised_because",
            "state",
            "summary",
            "subject_kind",
            "subject_id",
            "connection",
            "item",
            "order",
            "units_at_risk",
            "owner_team",
            "assigned_to",
            "times",
            "first_seen_at",
            "last_seen_at",
            "age_s",
            "hidden",
            "snoozed_until",
            "acknowledged_at",
            "acknowledged_by",
            "resolution",
            "resolved_at",
            "closed_by",
            "correlation_id",
        )

    def get_age_s(self, row: Case) -> int:
        return int(age(row, now=utc_now()).total_seconds())

    def get_hidden(self, row: Case) -> bool:
        return is_hidden(row, now=utc_now())


class ForeseenShape(serializers.Serializer):
    """What a retry would do if it were begun now."""

    possible = serializers.BooleanField()
    manner = serializers.ChoiceField(choices=[each.value for each in Manner])
    sentence = serializers.CharField()
    lines = serializers.ListField(child=serializers.CharField(), help_text="What would be sent.")
    waits = serializers.CharField(help_text="What keeps it from its end meanwhile, such as a pause.")


class TryShape(serializers.Serializer):
    """One try: its requests and answers, redacted and clipped before they were kept."""

    at = serializers.DateTimeField()
    what = serializers.CharField()
    outcome = serializers.CharField()
    error = serializers.CharField()
    exchanges = serializers.ListField(child=serializers.JSONField())


class CaseDetailShape(CaseShape):
    """A case with what was tried, what a retry would do, and its runbook."""

    attempts = TryShape(many=True)
    retry = ForeseenShape()
    runbook = serializers.CharField(help_text="What to do about its code, as Markdown.")

    class Meta(CaseShape.Meta):
        fields = (*CaseShape.Meta.fields, "attempts", "retry", "runbook")  # type: ignore[assignment]


class GroupShape(serializers.Serializer):
    """The open cases of one code at one connection."""

    code = serializers.CharField()
    connection = serializers.CharField(source="connection_code")
    cases = serializers.IntegerField()
    hidden = serializers.IntegerField(help_text="How many of them are snoozed.")
    times = serializers.IntegerField(help_text="How often their failures were seen.")
    severity = serializers.CharField(help_text="The worst of them: low, normal, urgent.")
    teams = serializers.ListField(child=serializers.CharField())
    sku_count = serializers.IntegerField()
    skus = serializers.ListField(child=serializers.CharField(), help_text="The first few.")
    order_count = serializers.IntegerField()
    units_at_risk = Quantity(allow_null=True)
    first_seen = serializers.DateTimeField()
    last_seen = serializers.DateTimeField()
    trend = serializers.ListField(
        child=serializers.IntegerField(), help_text="Opened in each of the last 24 hours, this one last."
    )


class ProgressShape(serializers.Serializer):
    total = serializers.IntegerField()
    waiting = serializers.IntegerField()
    begun = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    skipped = serializers.IntegerField()
    cancelled = serializers.IntegerField()


class RunShape(serializers.ModelSerializer):
    """A group of cases being retried, as it was when it was asked for."""

    id = serializers.IntegerField()
    state = serializers.CharField(help_text="running, done or cancelled.")
    connection = serializers.CharField(source="connection_code")
    progress = ProgressShape()

    class Meta:
        model = RetryRun
        fields = (
            "id",
            "code",
            "connection",
            "state",
            "per_minute",
            "asked_by",
            "reason",
            "created_at",
            "finished_at",
            "progress",
        )


class LineShape(serializers.ModelSerializer):
    """One case of a run and what became of it."""

    case = serializers.IntegerField(source="case_id")
    state = serializers.CharField(help_text="waiting, begun, succeeded, failed, skipped or cancelled.")

    class Meta:
        model = RetryLine
        fields = ("case", "state", "begun_at", "ended_at", "outcome")


class CasesQuery(PageQuery):
    state = serializers.ChoiceField(choices=Case.State.choices, required=False, default=Case.State.OPEN)
    code = serializers.CharField(required=False, default="")
    connection = serializers.CharField(required=False, default=None, help_text="Code of the connection.")
    team = serializers.CharField(required=False, default="")
    severity = serializers.ChoiceField(choices=Severity.choices, required=False, default="")
    assigned_to = serializers.CharField(required=False, default=None, allow_blank=True)
    item = serializers.CharField(required=False, default="", help_text="The SKU.")
    order = serializers.CharField(required=False, default="", help_text="The channel's own order id.")
    correlation_id = serializers.CharField(required=False, default="")
    hidden = serializers.BooleanField(
        required=False, default=None, allow_null=True, help_text="Whether it is snoozed."
    )
    since = serializers.DateTimeField(
        required=False, default=None, help_text="RFC 3339 with offset; first seen then or later."
    )


class GroupsQuery(Query):
    code = serializers.CharField(required=False, default="")
    connection = serializers.CharField(required=False, default=None, help_text="Code of the connection.")
    team = serializers.CharField(required=False, default="")
    severity = serializers.ChoiceField(choices=Severity.choices, required=False, default="")


class Act(Query):
    """What every act needs: why. It is written into the audit."""

    reason = serializers.CharField(max_length=1_000)


class Assign(Act):
    to = serializers.CharField(max_length=150, allow_blank=True, help_text="Who works on it; empty: nobody.")


class Snooze(Act):
    until = serializers.DateTimeField(help_text="RFC 3339 with offset; it wakes earlier if it gets worse.")


class Retry(Act):
    per_minute = serializers.IntegerField(min_value=1, max_value=FASTEST_PER_MINUTE, default=60)


class RetryMany(Retry):
    """Name the cases, or the group by its code and connection."""

    cases = serializers.ListField(
        child=serializers.IntegerField(min_value=1), required=False, default=None, max_length=MOST_NAMED
    )
    code = serializers.CharField(required=False, default="")
    connection = serializers.CharField(required=False, default=None, allow_blank=True, allow_null=True)
