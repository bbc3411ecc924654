"""A change of these tables needs an audit entry of the same transaction; see audit's 0003_guard."""

from django.db import migrations

FORWARD = """
CREATE CONSTRAINT TRIGGER availability_policy_audited AFTER INSERT OR UPDATE OR DELETE ON availability_policy
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION audit_require_entry('updated_at');
"""
REVERSE = """
DROP TRIGGER availability_policy_audited ON availability_policy;
"""


class Migration(migrations.Migration):
    dependencies = [("availability", "0001_initial"), ("audit", "0003_guard")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
