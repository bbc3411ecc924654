"""An order whose reservations change is noted in the same transaction, whoever changes it.

Nothing is noted while no connection takes orders and no channel is told of deliveries: one look at a handful
of rows per statement.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION workflows_note_touched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM connections_connection
        WHERE config @> '{"send_orders": true}' OR config @> '{"tell_deliveries": true}'
    ) THEN
        INSERT INTO workflows_touched (order_id)
        SELECT DISTINCT r.order_id FROM fresh JOIN ledger_reservation r ON r.id = fresh.reservation_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER workflows_note_touched AFTER INSERT ON ledger_reservationchange
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION workflows_note_touched();
"""
REVERSE = """
DROP TRIGGER workflows_note_touched ON ledger_reservationchange;
DROP FUNCTION workflows_note_touched();
"""


class Migration(migrations.Migration):
    dependencies = [("workflows", "0001_initial"), ("ledger", "0006_keep_the_life_of_reservations")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
