"""A change of a tenure needs an audit entry of the same transaction, as 0002 says of the other tables."""

from django.db import migrations

FORWARD = """
CREATE CONSTRAINT TRIGGER catalog_tenure_audited AFTER INSERT OR UPDATE OR DELETE ON catalog_tenure
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION audit_require_entry('updated_at');
"""
REVERSE = "DROP TRIGGER catalog_tenure_audited ON catalog_tenure"


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_authority_has_dates_and_places_have_tenures"), ("audit", "0003_guard")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
