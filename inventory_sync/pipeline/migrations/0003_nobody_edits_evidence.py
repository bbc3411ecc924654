"""Evidence is written once: refused by trigger, whoever asks."""

from __future__ import annotations

from django.db import migrations

FORWARD = """
CREATE FUNCTION pipeline_refuse_edit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: what was sealed stays sealed', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER pipeline_evidence_append_only BEFORE UPDATE OR DELETE ON pipeline_evidence
    FOR EACH ROW EXECUTE FUNCTION pipeline_refuse_edit();
"""
REVERSE = """
DROP TRIGGER pipeline_evidence_append_only ON pipeline_evidence;
DROP FUNCTION pipeline_refuse_edit();
"""


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0002_rounds_of_checks_and_daily_evidence")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
