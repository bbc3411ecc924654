from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0005_write_down_what_happens_to_a_case"),
    ]

    operations = [
        migrations.AddField(
            model_name="case",
            name="raised_because",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Why it is worse than its code alone would be.",
                max_length=120,
            ),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="retryline",
            index=models.Index(fields=["run", "state", "id"], name="retry_line_next"),
        ),
    ]
