"""The name, the kind and the lines of a mirrored document are fixed before it is sent: refused by trigger."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION propagation_refuse_other_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is fixed once it is written: another document replaces it', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER propagation_lines_stay BEFORE UPDATE OR DELETE ON propagation_mirrorline
    FOR EACH ROW EXECUTE FUNCTION propagation_refuse_other_words();
CREATE TRIGGER propagation_documents_stay BEFORE DELETE ON propagation_mirrordocument
    FOR EACH ROW EXECUTE FUNCTION propagation_refuse_other_words();
CREATE TRIGGER propagation_names_stay BEFORE UPDATE ON propagation_mirrordocument
    FOR EACH ROW WHEN ((OLD.id, OLD.connection_id, OLD.place_id, OLD.name, OLD.reason, OLD.arrives)
        IS DISTINCT FROM (NEW.id, NEW.connection_id, NEW.place_id, NEW.name, NEW.reason, NEW.arrives)
        OR OLD.state IN ('booked', 'split', 'given_up') AND NEW.state <> OLD.state)
    EXECUTE FUNCTION propagation_refuse_other_words();
"""
REVERSE = """
DROP TRIGGER propagation_names_stay ON propagation_mirrordocument;
DROP TRIGGER propagation_documents_stay ON propagation_mirrordocument;
DROP TRIGGER propagation_lines_stay ON propagation_mirrorline;
DROP FUNCTION propagation_refuse_other_words();
"""


class Migration(migrations.Migration):
    dependencies = [("propagation", "0006_keep_what_mirrors_are_told")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
