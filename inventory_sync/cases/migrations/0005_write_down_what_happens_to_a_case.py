"""What happens to a case is written beside it by the database, whoever changes the case and however many.

A happening is there exactly when its change is: both are committed or neither. Routes are audited.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION cases_note_happening() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ranks constant text[] := ARRAY['low', 'normal', 'urgent'];
    what text;
    moment timestamptz := NEW.last_seen_at;
BEGIN
    IF TG_OP = 'INSERT' THEN
        what := 'opened';
    ELSIF OLD.state = 'open' AND NEW.state <> 'open' THEN
        what := 'closed';
        moment := COALESCE(NEW.resolved_at, now());
    ELSIF OLD.state <> 'open' AND NEW.state = 'open' THEN
        what := 'reopened';
    ELSIF NEW.state = 'open' AND OLD.owner_team <> NEW.owner_team THEN
        what := 'handed_over';
    ELSIF NEW.state = 'open' AND array_position(ranks, NEW.severity::text) > array_position(ranks, OLD.severity::text) THEN
        what := 'worsened';
    ELSE
        RETURN NULL;
    END IF;
    INSERT INTO cases_happening (case_id, occasion, at, code, severity, team, connection_code, subject, text)
    VALUES (NEW.id, what, moment, NEW.code, NEW.severity, NEW.owner_team, NEW.connection_code, '', '');
    RETURN NULL;
END $$;

CREATE TRIGGER cases_case_opens AFTER INSERT ON cases_case
    FOR EACH ROW WHEN (NEW.state = 'open') EXECUTE FUNCTION cases_note_happening();
CREATE TRIGGER cases_case_turns AFTER UPDATE ON cases_case
    FOR EACH ROW WHEN (
        (OLD.state, OLD.severity, OLD.owner_team) IS DISTINCT FROM (NEW.state, NEW.severity, NEW.owner_team)
    ) EXECUTE FUNCTION cases_note_happening();

CREATE CONSTRAINT TRIGGER cases_route_audited AFTER INSERT OR UPDATE OR DELETE ON cases_route
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_require_entry('updated_at');
"""
REVERSE = """
DROP TRIGGER cases_route_audited ON cases_route;
DROP TRIGGER cases_case_turns ON cases_case;
DROP TRIGGER cases_case_opens ON cases_case;
DROP FUNCTION cases_note_happening();
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0004_tell_people"), ("audit", "0003_guard")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
