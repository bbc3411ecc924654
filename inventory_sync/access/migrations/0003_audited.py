"""A change of these tables needs an audit entry of the same transaction; see audit's 0003_guard."""

from django.db import migrations

FORWARD = """
CREATE CONSTRAINT TRIGGER access_apikey_audited AFTER INSERT OR UPDATE OR DELETE ON access_apikey
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION audit_require_entry('updated_at', 'last_used_at');
"""
REVERSE = """
DROP TRIGGER access_apikey_audited ON access_apikey;
"""


class Migration(migrations.Migration):
    dependencies = [("access", "0002_orders_scope"), ("audit", "0003_guard")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
