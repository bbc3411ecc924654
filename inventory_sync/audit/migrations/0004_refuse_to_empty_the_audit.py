"""The audit is not emptied either: TRUNCATE asks no trigger of rows."""

from __future__ import annotations

from django.db import migrations

FORWARD = """
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_edit();
"""
REVERSE = "DROP TRIGGER audit_no_truncate ON audit_entry;"


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_guard")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
