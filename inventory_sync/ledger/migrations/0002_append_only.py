"""Movements and events are never edited: refused by trigger, whoever asks."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION ledger_refuse_edit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: correct it by a further movement', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ledger_movement_append_only BEFORE UPDATE OR DELETE ON ledger_movement
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_edit();
CREATE FUNCTION ledger_event_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.effective AND NOT NEW.effective
        AND (to_jsonb(OLD) - 'effective') = (to_jsonb(NEW) - 'effective') THEN
        RETURN NEW;  -- a higher revision has replaced it
    END IF;
    RAISE EXCEPTION 'ledger_event is append-only: report a higher revision'
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ledger_event_append_only BEFORE UPDATE OR DELETE ON ledger_event
    FOR EACH ROW EXECUTE FUNCTION ledger_event_keep();
"""
REVERSE = """
DROP TRIGGER ledger_event_append_only ON ledger_event;
DROP FUNCTION ledger_event_keep();
DROP TRIGGER ledger_movement_append_only ON ledger_movement;
DROP FUNCTION ledger_refuse_edit();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
