"""What is owed at each level is kept by a trigger of the allocations; terms need an audit entry."""

from __future__ import annotations

from django.db import migrations

FORWARD = """
ALTER TABLE ledger_owed SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
INSERT INTO ledger_owed (item_id, location_id, quantity)
SELECT item_id, location_id, sum(quantity - contained) FROM ledger_allocation WHERE open
GROUP BY item_id, location_id;

CREATE FUNCTION ledger_owe() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- In key order, as levels are locked; whoever changes allocations holds those locks already.
    IF TG_OP = 'INSERT' THEN
        INSERT INTO ledger_owed AS o (item_id, location_id, quantity)
        SELECT item_id, location_id, sum(quantity - contained) FROM became WHERE open
        GROUP BY item_id, location_id ORDER BY item_id, location_id
        ON CONFLICT (item_id, location_id) DO UPDATE SET quantity = o.quantity + excluded.quantity;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO ledger_owed AS o (item_id, location_id, quantity)
        SELECT item_id, location_id, -sum(quantity - contained) FROM was WHERE open
        GROUP BY item_id, location_id ORDER BY item_id, location_id
        ON CONFLICT (item_id, location_id) DO UPDATE SET quantity = o.quantity + excluded.quantity;
    ELSE
        INSERT INTO ledger_owed AS o (item_id, location_id, quantity)
        SELECT item_id, location_id, sum(change) FROM (
            SELECT item_id, location_id, quantity - contained AS change FROM became WHERE open
            UNION ALL
            SELECT item_id, location_id, contained - quantity FROM was WHERE open
        ) AS changes
        GROUP BY item_id, location_id HAVING sum(change) <> 0 ORDER BY item_id, location_id
        ON CONFLICT (item_id, location_id) DO UPDATE SET quantity = o.quantity + excluded.quantity;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_allocation_owes_new AFTER INSERT ON ledger_allocation
    REFERENCING NEW TABLE AS became FOR EACH STATEMENT EXECUTE FUNCTION ledger_owe();
CREATE TRIGGER ledger_allocation_owes_else AFTER UPDATE ON ledger_allocation
    REFERENCING OLD TABLE AS was NEW TABLE AS became FOR EACH STATEMENT EXECUTE FUNCTION ledger_owe();
CREATE TRIGGER ledger_allocation_owes_no_more AFTER DELETE ON ledger_allocation
    REFERENCING OLD TABLE AS was FOR EACH STATEMENT EXECUTE FUNCTION ledger_owe();

CREATE CONSTRAINT TRIGGER ledger_requestterms_audited AFTER INSERT OR UPDATE OR DELETE ON ledger_requestterms
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_require_entry('updated_at');
"""
REVERSE = """
DROP TRIGGER ledger_requestterms_audited ON ledger_requestterms;
DROP TRIGGER ledger_allocation_owes_no_more ON ledger_allocation;
DROP TRIGGER ledger_allocation_owes_else ON ledger_allocation;
DROP TRIGGER ledger_allocation_owes_new ON ledger_allocation;
DROP FUNCTION ledger_owe();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0010_ask_the_hub_for_reservations"), ("audit", "0003_guard")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
