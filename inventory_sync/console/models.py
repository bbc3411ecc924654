"""What staff may do beyond looking and editing. No table: only the permissions that groups hold."""

from __future__ import annotations

from django.db import models


class Deed(models.Model):
    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("replay_delivery", "Can have a delivery applied again"),
            ("edit_delivery", "Can have an edited copy of a delivery applied"),
            ("resolve_parked", "Can close a parked line without applying it"),
            ("retry_push", "Can have a figure pushed again"),
            ("map_items", "Can say what a vendor's id means"),
            ("pause_connection", "Can pause and resume a connection"),
            ("rotate_token", "Can make a new hook token"),
            ("resolve_case", "Can close a case"),
            ("revoke_key", "Can revoke an API key"),
            ("decide_reservation", "Can commit, approve, extend and release reservations"),
            ("assign_authority", "Can change who decides what is at a place"),
        ]

    def __str__(self) -> str:
        return "deeds"
