"""A change of these tables needs an audit entry of the same transaction; see audit's 0003_guard."""

from django.db import migrations

FORWARD = """
CREATE CONSTRAINT TRIGGER connections_connection_audited AFTER INSERT OR UPDATE OR DELETE ON connections_connection
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION audit_require_entry('updated_at');
CREATE CONSTRAINT TRIGGER connections_secret_audited AFTER INSERT OR UPDATE OR DELETE ON connections_secret
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION audit_require_entry('updated_at');
"""
REVERSE = """
DROP TRIGGER connections_secret_audited ON connections_secret;
DROP TRIGGER connections_connection_audited ON connections_connection;
"""


class Migration(migrations.Migration):
    dependencies = [("connections", "0001_initial"), ("audit", "0003_guard")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
