"""Who changed what, before, after and why. Append-only by trigger.

An entry names its subject by table and id ("*" for a bulk load) and carries the transaction it was
written in. Audited tables refuse, by a trigger that runs at commit, any change in a transaction that
holds no entry for the changed row: see migrations/0002_guard.py. Writing entries: services.py.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

# The transaction under way, as the database numbers it.
CURRENT_TRANSACTION = models.Func(
    template="pg_current_xact_id()::text::bigint", output_field=models.BigIntegerField()
)


class Entry(models.Model):
    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)
    actor_name = models.CharField(max_length=150, help_text="User name, API consumer or name of the program.")
    action = models.CharField(max_length=80, help_text="noun.past_verb, e.g. mapping.changed")
    subject_table = models.CharField(max_length=80)
    subject_id = models.CharField(max_length=80)
    subject_label = models.CharField(max_length=200, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    reason = models.TextField(blank=True)
    correlation_id = models.CharField(max_length=40, blank=True)
    transaction = models.BigIntegerField(db_default=CURRENT_TRANSACTION, editable=False)

    class Meta:
        ordering = ["-id"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["subject_table", "subject_id"], name="audit_subject"),
            models.Index(fields=["at"], name="audit_at"),
            models.Index(
                fields=["transaction", "subject_table", "subject_id"], name="audit_same_transaction"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_label or self.subject_id}"
