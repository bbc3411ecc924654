"""Authority gets an attribute and dates; a location gets tenures: stretches of one authority and mode."""

import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0002_audited"),
        ("connections", "0002_audited"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tenure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "mode",
                    models.CharField(
                        choices=[
                            ("movements", "Movements and counts of one clock"),
                            ("figures", "Book figures by reading number"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "was",
                    models.CharField(
                        choices=[
                            ("movements", "Movements and counts of one clock"),
                            ("figures", "Book figures by reading number"),
                        ],
                        help_text="The mode before it.",
                        max_length=10,
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                (
                    "after_reading",
                    models.BigIntegerField(help_text="The hub's reading number when it began."),
                ),
            ],
            options={
                "ordering": ["location", "starts_at"],
            },
        ),
        migrations.AlterModelOptions(
            name="authority",
            options={
                "ordering": [
                    "location",
                    "attribute",
                    models.OrderBy(models.F("valid_from"), nulls_first=True),
                ],
                "verbose_name_plural": "authorities",
            },
        ),
        migrations.AddField(
            model_name="authority",
            name="attribute",
            field=models.CharField(
                choices=[
                    ("on_hand", "Stock on hand"),
                    ("unavailable", "Condition: what cannot be sold"),
                    ("expectations", "Incoming stock"),
                ],
                default="on_hand",
                db_default="on_hand",
                help_text="An attribute nobody is named for is decided by the authority for stock on hand.",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="authority",
            name="valid_from",
            field=models.DateTimeField(blank=True, help_text="Empty: from the beginning.", null=True),
        ),
        migrations.AddField(
            model_name="authority",
            name="valid_to",
            field=models.DateTimeField(blank=True, help_text="Empty: until further notice.", null=True),
        ),
        migrations.AddField(
            model_name="locationmapping",
            name="observes",
            field=models.BooleanField(
                default=False,
                db_default=False,
                help_text="Where it is not the authority its reports are kept and compared, never posted.",
            ),
        ),
        migrations.AlterField(
            model_name="authority",
            name="location",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="authorities", to="catalog.location"
            ),
        ),
        migrations.AddConstraint(
            model_name="authority",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(("attribute", "on_hand")),
                expressions=[
                    (
                        models.Func(
                            models.F("location"),
                            models.F("location"),
                            models.Value("[]"),
                            function="int8range",
                            output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField(),
                        ),
                        "&&",
                    ),
                    (
                        models.Func(
                            models.F("valid_from"),
                            models.F("valid_to"),
                            function="tstzrange",
                            output_field=django.contrib.postgres.fields.ranges.DateTimeRangeField(),
                        ),
                        "&&",
                    ),
                ],
                name="one_authority_on_hand",
                violation_error_message="At that time another connection is the authority already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="authority",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(("attribute", "unavailable")),
                expressions=[
                    (
                        models.Func(
                            models.F("location"),
                            models.F("location"),
                            models.Value("[]"),
                            function="int8range",
                            output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField(),
                        ),
                        "&&",
                    ),
                    (
                        models.Func(
                            models.F("valid_from"),
                            models.F("valid_to"),
                            function="tstzrange",
                            output_field=django.contrib.postgres.fields.ranges.DateTimeRangeField(),
                        ),
                        "&&",
                    ),
                ],
                name="one_authority_unavailable",
                violation_error_message="At that time another connection is the authority already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="authority",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(("attribute", "expectations")),
                expressions=[
                    (
                        models.Func(
                            models.F("location"),
                            models.F("location"),
                            models.Value("[]"),
                            function="int8range",
                            output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField(),
                        ),
                        "&&",
                    ),
                    (
                        models.Func(
                            models.F("valid_from"),
                            models.F("valid_to"),
                            function="tstzrange",
                            output_field=django.contrib.postgres.fields.ranges.DateTimeRangeField(),
                        ),
                        "&&",
                    ),
                ],
                name="one_authority_expectations",
                violation_error_message="At that time another connection is the authority already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="authority",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_from__isnull", True),
                    ("valid_to__isnull", True),
                    ("valid_from__lt", models.F("valid_to")),
                    _connector="OR",
                ),
                name="an_authority_lasts",
            ),
        ),
        migrations.AddField(
            model_name="tenure",
            name="location",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="tenures", to="catalog.location"
            ),
        ),
        migrations.AddConstraint(
            model_name="tenure",
            constraint=models.UniqueConstraint(
                fields=("location", "starts_at"), name="one_tenure_begins_at_a_time"
            ),
        ),
    ]
