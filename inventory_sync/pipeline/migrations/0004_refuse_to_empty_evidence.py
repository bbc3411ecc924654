"""Evidence is not emptied either: TRUNCATE asks no trigger of rows."""

from __future__ import annotations

from django.db import migrations

FORWARD = """
CREATE TRIGGER pipeline_no_truncate BEFORE TRUNCATE ON pipeline_evidence
    FOR EACH STATEMENT EXECUTE FUNCTION pipeline_refuse_edit();
"""
REVERSE = "DROP TRIGGER pipeline_no_truncate ON pipeline_evidence;"


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0003_nobody_edits_evidence")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
