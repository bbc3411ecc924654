"""A version of a policy is never edited; what staff declare needs an audit entry of the same transaction."""

from django.db import migrations

FORWARD = """
INSERT INTO availability_policyversion (connection_id, item_id, version, "values", valid_from, actor, reason)
SELECT connection_id, item_id, version, jsonb_build_object('share_percent', share_percent::text, 'buffer',
    buffer::text, 'cap', cap::text, 'threshold', threshold::text, 'safety_stock', safety_stock::text,
    'fallback', fallback), updated_at, 'migration', 'It stood before versions were kept.'
FROM availability_policy;
CREATE TRIGGER availability_policyversion_append_only BEFORE UPDATE OR DELETE ON availability_policyversion
    FOR EACH ROW EXECUTE FUNCTION availability_refuse_edit();
CREATE CONSTRAINT TRIGGER availability_safetystock_audited AFTER INSERT OR UPDATE OR DELETE
    ON availability_safetystock DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION audit_require_entry('updated_at');
CREATE CONSTRAINT TRIGGER availability_allotment_audited AFTER INSERT OR UPDATE OR DELETE
    ON availability_allotment DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION audit_require_entry('updated_at');
CREATE CONSTRAINT TRIGGER availability_freshness_audited AFTER INSERT OR UPDATE OR DELETE
    ON availability_freshness DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION audit_require_entry('updated_at', 'newest_report_at', 'stale');
"""
REVERSE = """
DROP TRIGGER availability_freshness_audited ON availability_freshness;
DROP TRIGGER availability_allotment_audited ON availability_allotment;
DROP TRIGGER availability_safetystock_audited ON availability_safetystock;
DROP TRIGGER availability_policyversion_append_only ON availability_policyversion;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("availability", "0004_declare_more_of_what_may_be_sold"),
        ("audit", "0003_guard"),
    ]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
