"""A change of these tables needs an audit entry of the same transaction; see audit's 0003_guard."""

from django.db import migrations

FORWARD = """
CREATE CONSTRAINT TRIGGER catalog_item_audited AFTER INSERT OR UPDATE OR DELETE ON catalog_item
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION audit_require_entry('updated_at');
CREATE CONSTRAINT TRIGGER catalog_itemunit_audited AFTER INSERT OR UPDATE OR DELETE ON catalog_itemunit
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION audit_require_entry();
CREATE CONSTRAINT TRIGGER catalog_kitcomponent_audited AFTER INSERT OR UPDATE OR DELETE ON catalog_kitcomponent
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION audit_require_entry();
CREATE CONSTRAINT TRIGGER catalog_location_audited AFTER INSERT OR UPDATE OR DELETE ON catalog_location
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION audit_require_entry('updated_at');
CREATE CONSTRAINT TRIGGER catalog_authority_audited AFTER INSERT OR UPDATE OR DELETE ON catalog_authority
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION audit_require_entry('updated_at');
CREATE CONSTRAINT TRIGGER catalog_itemmapping_audited AFTER INSERT OR UPDATE OR DELETE ON catalog_itemmapping
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION audit_require_entry('updated_at');
CREATE CONSTRAINT TRIGGER catalog_locationmapping_audited AFTER INSERT OR UPDATE OR DELETE ON catalog_locationmapping
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION audit_require_entry('updated_at');
"""
REVERSE = """
DROP TRIGGER catalog_locationmapping_audited ON catalog_locationmapping;
DROP TRIGGER catalog_itemmapping_audited ON catalog_itemmapping;
DROP TRIGGER catalog_authority_audited ON catalog_authority;
DROP TRIGGER catalog_location_audited ON catalog_location;
DROP TRIGGER catalog_kitcomponent_audited ON catalog_kitcomponent;
DROP TRIGGER catalog_itemunit_audited ON catalog_itemunit;
DROP TRIGGER catalog_item_audited ON catalog_item;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial"), ("audit", "0003_guard")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
