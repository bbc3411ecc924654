"""The guard of the audit: a change of an audited table needs an entry of the same transaction.

audit_require_entry() is attached by the rooms that own the audited tables. It runs at commit. Its
arguments name columns whose change alone is not worth an entry (a "last used" mark, say).
audit_entry itself is append-only, and always carries the transaction that really wrote it.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION audit_require_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    subject text;
BEGIN
    IF TG_OP = 'UPDATE' AND (to_jsonb(NEW) - TG_ARGV) = (to_jsonb(OLD) - TG_ARGV) THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        subject := OLD.id::text;
    ELSE
        subject := NEW.id::text;
    END IF;
    PERFORM 1 FROM audit_entry
        WHERE transaction = pg_current_xact_id()::text::bigint
            AND subject_table = TG_TABLE_NAME
            AND subject_id IN (subject, '*');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'No audit entry explains this % of % %', lower(TG_OP), TG_TABLE_NAME, subject
            USING ERRCODE = 'integrity_constraint_violation',
                HINT = 'Write through the services of the room, which say who, what and why.';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION audit_stamp_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.transaction := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_entry_stamped BEFORE INSERT ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_stamp_entry();

CREATE FUNCTION audit_refuse_edit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_entry is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_edit();
"""
REVERSE = """
DROP TRIGGER audit_entry_append_only ON audit_entry;
DROP FUNCTION audit_refuse_edit();
DROP TRIGGER audit_entry_stamped ON audit_entry;
DROP FUNCTION audit_stamp_entry();
DROP FUNCTION audit_require_entry();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_entries_name_their_transaction")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
