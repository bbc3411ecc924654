"""Keys of events and the facts beside the ledger are kept: refused by trigger, whoever asks.

A key may only come to mean a higher revision, a fulfilment only end its effect. Not guarded, for they are
states that newer reports write over: levels, holdings, arrivals, picks, announcements, gaps, promises.
"""

from __future__ import annotations

from django.db import migrations

FORWARD = """
CREATE FUNCTION ledger_key_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.revision > OLD.revision
        AND (NEW.connection_id, NEW.key) = (OLD.connection_id, OLD.key) THEN
        RETURN NEW;  -- a higher revision counts from now on
    END IF;
    RAISE EXCEPTION 'ledger_eventkey is append-only: what came once would count again'
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ledger_eventkey_append_only BEFORE UPDATE OR DELETE ON ledger_eventkey
    FOR EACH ROW EXECUTE FUNCTION ledger_key_keep();

CREATE FUNCTION ledger_fulfilment_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NOT NEW.effective
        AND (to_jsonb(OLD) - 'effective') = (to_jsonb(NEW) - 'effective') THEN
        RETURN NEW;  -- a higher revision has replaced its event
    END IF;
    RAISE EXCEPTION 'ledger_fulfilment is append-only: report a higher revision'
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ledger_fulfilment_append_only BEFORE UPDATE OR DELETE ON ledger_fulfilment
    FOR EACH ROW EXECUTE FUNCTION ledger_fulfilment_keep();

CREATE TRIGGER ledger_observation_append_only BEFORE UPDATE OR DELETE ON ledger_observation
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_edit();
CREATE TRIGGER ledger_lateposting_append_only BEFORE UPDATE OR DELETE ON ledger_lateposting
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_edit();

SELECT ledger_guard_partition(name) FROM unnest(ARRAY['ledger_eventkey', 'ledger_fulfilment',
    'ledger_observation', 'ledger_lateposting', 'ledger_reservationchange']) AS name;
"""
REVERSE = """
DROP TRIGGER ledger_no_truncate ON ledger_reservationchange;
DROP TRIGGER ledger_no_truncate ON ledger_lateposting;
DROP TRIGGER ledger_no_truncate ON ledger_observation;
DROP TRIGGER ledger_no_truncate ON ledger_fulfilment;
DROP TRIGGER ledger_no_truncate ON ledger_eventkey;
DROP TRIGGER ledger_lateposting_append_only ON ledger_lateposting;
DROP TRIGGER ledger_observation_append_only ON ledger_observation;
DROP TRIGGER ledger_fulfilment_append_only ON ledger_fulfilment;
DROP FUNCTION ledger_fulfilment_keep();
DROP TRIGGER ledger_eventkey_append_only ON ledger_eventkey;
DROP FUNCTION ledger_key_keep();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0017_find_events_by_their_number")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
