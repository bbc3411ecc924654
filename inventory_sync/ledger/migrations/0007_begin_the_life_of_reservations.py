"""Changes of reservations are never edited, and those made before the history begin with what they are."""

from __future__ import annotations

from django.db import migrations

BEGIN = """
INSERT INTO ledger_reservationchange (reservation_id, at, item_id, state, demand, fulfilled, stamp, reading,
    reason, allocations, correlation_id)
SELECT r.id, r.changed_at, r.item_id, r.state, r.demand, r.fulfilled, r.stamp, r.reading, r.reason,
    coalesce((SELECT jsonb_agg(jsonb_build_array(a.item_id, a.location_id, a.quantity, a.contained,
        a.fulfilled) ORDER BY a.id) FROM ledger_allocation a WHERE a.reservation_id = r.id), '[]'),
    o.correlation_id
FROM ledger_reservation r JOIN ledger_order o ON o.id = r.order_id
WHERE NOT EXISTS (SELECT FROM ledger_reservationchange c WHERE c.reservation_id = r.id)
"""
GUARD = """
CREATE TRIGGER ledger_reservationchange_append_only BEFORE UPDATE OR DELETE ON ledger_reservationchange
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_edit();
"""
UNGUARD = "DROP TRIGGER ledger_reservationchange_append_only ON ledger_reservationchange;"


class Migration(migrations.Migration):
    dependencies = [("ledger", "0006_keep_the_life_of_reservations")]
    operations = [
        migrations.RunSQL(BEGIN, migrations.RunSQL.noop),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
