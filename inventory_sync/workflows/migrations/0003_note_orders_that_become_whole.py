"""An order of which a line is known now, or nobody's after all, is noted although no reservation changed.

And copies that wait for their place to have a name are found without looking at all others.
"""

from django.db import migrations, models

FORWARD = """
CREATE FUNCTION workflows_note_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM connections_connection
        WHERE config @> '{"send_orders": true}' OR config @> '{"tell_deliveries": true}'
    ) THEN
        INSERT INTO workflows_touched (order_id) VALUES (NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER workflows_note_order AFTER UPDATE ON ledger_order FOR EACH ROW
    WHEN ((OLD.incomplete, OLD.review) IS DISTINCT FROM (NEW.incomplete, NEW.review))
    EXECUTE FUNCTION workflows_note_order();
"""
REVERSE = """
DROP TRIGGER workflows_note_order ON ledger_order;
DROP FUNCTION workflows_note_order();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("workflows", "0002_note_orders_touched"),
        ("ledger", "0022_keep_what_is_named_instead_of_asking_for_it"),
    ]
    operations = [
        migrations.RunSQL(FORWARD, REVERSE),
        migrations.AddIndex(
            model_name="copy",
            index=models.Index(
                condition=models.Q(("cancelled", False), ("location_ref", "")),
                fields=["id"],
                name="copy_unplaced",
            ),
        ),
    ]
