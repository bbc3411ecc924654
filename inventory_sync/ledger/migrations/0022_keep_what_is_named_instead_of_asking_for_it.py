"""Promises no longer ask for what they name, line by line: what is named cannot be deleted instead."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
CREATE FUNCTION ledger_keep_named() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place text;
    named boolean;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION '% is kept: its promises would go on without it', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    FOREACH place IN ARRAY TG_ARGV LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE %I = $1)', split_part(place, '.', 1),
            split_part(place, '.', 2)) INTO named USING OLD.id;
        IF named THEN
            RAISE EXCEPTION '% % is named in % and is kept', TG_TABLE_NAME, OLD.id, place
                USING ERRCODE = 'foreign_key_violation';
        END IF;
    END LOOP;
    RETURN OLD;
END $$;
CREATE TRIGGER ledger_keep_named BEFORE DELETE ON ledger_order FOR EACH ROW
    EXECUTE FUNCTION ledger_keep_named('ledger_reservation.order_id');
CREATE TRIGGER ledger_keep_named BEFORE DELETE ON ledger_reservation FOR EACH ROW
    EXECUTE FUNCTION ledger_keep_named('ledger_allocation.reservation_id',
        'ledger_reservationchange.reservation_id');
CREATE TRIGGER ledger_keep_named BEFORE DELETE ON catalog_item FOR EACH ROW
    EXECUTE FUNCTION ledger_keep_named('ledger_allocation.item_id');
CREATE TRIGGER ledger_keep_named BEFORE DELETE ON catalog_location FOR EACH ROW
    EXECUTE FUNCTION ledger_keep_named('ledger_allocation.location_id');
CREATE TRIGGER ledger_no_truncate BEFORE TRUNCATE ON ledger_order FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_keep_named();
CREATE TRIGGER ledger_no_truncate BEFORE TRUNCATE ON ledger_reservation FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_keep_named();
CREATE TRIGGER ledger_no_truncate BEFORE TRUNCATE ON ledger_allocation FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_keep_named();
"""
REVERSE = """
DROP TRIGGER ledger_no_truncate ON ledger_allocation;
DROP TRIGGER ledger_no_truncate ON ledger_reservation;
DROP TRIGGER ledger_no_truncate ON ledger_order;
DROP TRIGGER ledger_keep_named ON catalog_location;
DROP TRIGGER ledger_keep_named ON catalog_item;
DROP TRIGGER ledger_keep_named ON ledger_reservation;
DROP TRIGGER ledger_keep_named ON ledger_order;
DROP FUNCTION ledger_keep_named();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0007_keep_every_recipe_of_a_kit"),
        ("ledger", "0021_find_orders_by_one_index_only"),
    ]
    operations = [
        migrations.RunSQL(FORWARD, REVERSE),
        migrations.AlterField(
            model_name="allocation",
            name="item",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allocations",
                to="catalog.item",
            ),
        ),
        migrations.AlterField(
            model_name="allocation",
            name="location",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allocations",
                to="catalog.location",
            ),
        ),
        migrations.AlterField(
            model_name="allocation",
            name="reservation",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="allocations",
                to="ledger.reservation",
            ),
        ),
        migrations.AlterField(
            model_name="reservation",
            name="order",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reservations",
                to="ledger.order",
            ),
        ),
        migrations.AlterField(
            model_name="reservationchange",
            name="reservation",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="changes",
                to="ledger.reservation",
            ),
        ),
    ]
