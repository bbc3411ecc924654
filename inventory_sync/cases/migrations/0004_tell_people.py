"""Routes, what there is to tell, whom it is owed to, and what was sent."""

from datetime import time

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0003_keep_subjects_of_any_name_and_say_who_may_act"),
    ]

    operations = [
        migrations.CreateModel(
            name="Message",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        help_text="webhook-id, and the Message-ID of a mail.", max_length=40, unique=True
                    ),
                ),
                ("at", models.DateTimeField()),
                ("is_test", models.BooleanField(default=False)),
                ("severity", models.CharField(default="normal", max_length=10)),
                ("cases", models.PositiveIntegerField(default=0)),
                (
                    "held_back",
                    models.PositiveIntegerField(
                        default=0, help_text="Of these, held back by the hourly limit."
                    ),
                ),
                ("subject", models.CharField(max_length=200)),
                ("text", models.TextField()),
                ("html", models.TextField()),
                ("payload", models.TextField()),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting to be sent"), ("sent", "Sent"), ("failed", "Given up")],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("run_at", models.DateTimeField()),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("token", models.BigIntegerField(default=0, help_text="The fence: grows with each claim.")),
                ("accepted", models.JSONField(blank=True, default=list, help_text="Addresses that took it.")),
                ("error", models.TextField(blank=True)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                ("acknowledged_by", models.CharField(blank=True, max_length=150)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Happening",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "occasion",
                    models.CharField(
                        choices=[
                            ("opened", "Opened"),
                            ("worsened", "Got worse"),
                            ("reopened", "Opened again"),
                            ("handed_over", "Handed over to another team"),
                            ("closed", "Over"),
                            ("alert", "Alert"),
                        ],
                        max_length=12,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("code", models.CharField(max_length=60)),
                ("severity", models.CharField(max_length=10)),
                ("team", models.CharField(max_length=60)),
                ("connection_code", models.CharField(blank=True, max_length=60)),
                (
                    "subject",
                    models.CharField(
                        blank=True, help_text="Of an alert; a case has a summary.", max_length=200
                    ),
                ),
                ("text", models.TextField(blank=True)),
                ("routed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "case",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="happenings",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Route",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("name", models.CharField(max_length=60, unique=True)),
                ("active", models.BooleanField(default=True)),
                (
                    "team",
                    models.CharField(
                        blank=True, help_text="Owner team of the case; empty: every team.", max_length=60
                    ),
                ),
                (
                    "least_severity",
                    models.CharField(
                        choices=[
                            ("low", "Low and worse"),
                            ("normal", "Normal and worse"),
                            ("urgent", "Urgent only"),
                        ],
                        default="normal",
                        max_length=10,
                    ),
                ),
                (
                    "code_prefix",
                    models.CharField(
                        blank=True, help_text="Such as push.; empty: every code.", max_length=60
                    ),
                ),
                (
                    "connection_code",
                    models.CharField(blank=True, help_text="Empty: every connection.", max_length=60),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("email", "E-mail"), ("webhook", "Signed webhook")],
                        default="email",
                        max_length=10,
                    ),
                ),
                ("addresses", models.TextField(blank=True, help_text="E-mail addresses, one a line.")),
                (
                    "url",
                    models.CharField(
                        blank=True, help_text="Where the webhook is sent: https://…", max_length=500
                    ),
                ),
                ("ciphertext", models.BinaryField(blank=True, null=True)),
                ("key_id", models.CharField(blank=True, max_length=16)),
                (
                    "time_zone",
                    models.CharField(
                        default="UTC",
                        help_text="Of the quiet hours and digests, such as Europe/Berlin.",
                        max_length=60,
                    ),
                ),
                ("quiet_begins", models.TimeField(blank=True, null=True)),
                ("quiet_ends", models.TimeField(blank=True, null=True)),
                (
                    "quiet_breaks",
                    models.CharField(
                        choices=[
                            ("normal", "Normal and worse"),
                            ("urgent", "Urgent only"),
                            ("never", "Nothing"),
                        ],
                        default="urgent",
                        max_length=10,
                        verbose_name="breaks quiet hours",
                    ),
                ),
                (
                    "digest",
                    models.CharField(
                        choices=[("at_once", "At once"), ("hourly", "Once an hour"), ("daily", "Once a day")],
                        default="at_once",
                        help_text="What is urgent is told at once in any case.",
                        max_length=10,
                    ),
                ),
                ("digest_at", models.TimeField(default=time(8), help_text="When the daily digest is sent.")),
                (
                    "per_hour",
                    models.PositiveIntegerField(
                        default=12,
                        help_text="Beyond that, what there is to tell waits for one digest.",
                        verbose_name="messages an hour",
                    ),
                ),
                (
                    "tells_closing",
                    models.BooleanField(
                        default=True,
                        help_text="Only of cases it was told of.",
                        verbose_name="says when it is over",
                    ),
                ),
                (
                    "escalate_after_min",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Without anybody acknowledging the case.",
                        null=True,
                        verbose_name="escalates after minutes",
                    ),
                ),
                (
                    "escalate_to",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="escalated_from",
                        to="cases.route",
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("step", models.PositiveSmallIntegerField(default=0)),
                ("due_at", models.DateTimeField()),
                ("held_back", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("told", "In a message"),
                            ("dropped", "Not told any more"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                (
                    "why",
                    models.CharField(
                        blank=True, help_text="Why it was not told, or what came of it.", max_length=200
                    ),
                ),
                ("escalate_at", models.DateTimeField(blank=True, null=True)),
                (
                    "case",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to="cases.case",
                    ),
                ),
                (
                    "happening",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to="cases.happening",
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="notices",
                        to="cases.message",
                    ),
                ),
                (
                    "route",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notices", to="cases.route"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddField(
            model_name="message",
            name="route",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="messages", to="cases.route"
            ),
        ),
        migrations.AddIndex(
            model_name="happening",
            index=models.Index(
                condition=models.Q(("routed_at__isnull", True)), fields=["id"], name="happening_unrouted"
            ),
        ),
        migrations.AddIndex(
            model_name="happening",
            index=models.Index(fields=["at"], name="happening_at"),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                condition=models.Q(("state", "waiting")), fields=["due_at"], name="notice_due"
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                condition=models.Q(("escalate_at__isnull", False)),
                fields=["escalate_at"],
                name="notice_escalates",
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(
                fields=("happening", "route", "step"), name="told_once_per_route_and_step"
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("state", "waiting")), fields=["run_at"], name="message_due"
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["route", "at"], name="message_of_route"),
        ),
    ]
