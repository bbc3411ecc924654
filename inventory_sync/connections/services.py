"""Write connections: settings as the connector declares them, secrets, state and the hook's token.

Every write is audited; secrets go in and never come out here. Calling the vendor is not done in this
room's services, nor is deciding what follows from a change (the console and the pipeline do).
"""

from __future__ import annotations

import hashlib
import secrets as randomness
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.connections import secrets
from inventory_sync.connections.models import Budget, Connection, Cursor, Secret
from inventory_sync.domain import config
from inventory_sync.domain.ports import Connector
from inventory_sync.support.clock import utc_now


def create_connection(
    *,
    connector: Connector,
    code: str,
    label: str,
    values: Mapping[str, Any],
    sells: bool | None = None,
    owner_team: str = "support",
    actor: audit.Actor,
    reason: str,
    now: datetime,
) -> Connection:
    """Return the new connection with its secrets sealed and its budget full.

    `values` are the connector's own settings, secrets among them. Raises Misconfigured, ValidationError.
    """
    plain, hidden = split(connector.config_type, values)
    config.build(connector.config_type, {**plain, **hidden})
    with transaction.atomic():
        row = Connection(
            code=code,
            label=label,
            connector=connector.code,
            sells=connector.capabilities.sells if sells is None else sells,
            owner_team=owner_team,
            config=_storable(plain),
        )
        row.full_clean()
        row.save()
        audit.record_created(row, actor=actor, action="connection.created", reason=reason)
        for name, value in hidden.items():
            _set_secret(row, name, value, actor=actor, reason=reason)
        Budget.objects.create(
            connection=row,
            tokens=connector.capabilities.burst,
            refilled_at=now,
            rate_per_s=connector.capabilities.calls_per_s,
            burst=connector.capabilities.burst,
        )
    return row


def edit_connection(
    *,
    connection_id: int,
    connector: Connector,
    values: Mapping[str, Any],
    label: str | None = None,
    owner_team: str | None = None,
    sells: bool | None = None,
    actor: audit.Actor,
    reason: str,
) -> Connection:
    """Change settings; an empty secret keeps the one there is. A misconfigured connection runs again."""
    plain, hidden = split(connector.config_type, values)
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection_id)
        before = audit.snapshot(row)
        plain = {**row.config, **plain}
        config.build(connector.config_type, {**plain, **secrets.read_all(row), **hidden})
        row.config = _storable(plain)
        row.label = row.label if label is None else label
        row.owner_team = row.owner_team if owner_team is None else owner_team
        row.sells = row.sells if sells is None else sells
        if row.state == Connection.State.MISCONFIGURED:
            row.state, row.state_reason, row.state_since = Connection.State.ACTIVE, "", utc_now()
        row.full_clean()
        row.save()
        audit.record_changed(row, before, actor=actor, action="connection.changed", reason=reason)
        for name, value in hidden.items():
            _set_secret(row, name, value, actor=actor, reason=reason)
    return row


def pause(*, connection_id: int, actor: audit.Actor, reason: str) -> Connection:
    """Stop reading from it and writing to it; what it sends is still taken in at the door."""
    return set_state(
        connection_id, Connection.State.PAUSED, reason, actor=actor, action="connection.paused", why=reason
    )


def pause_drained(*, connection_id: int, actor: audit.Actor, reason: str) -> Connection:
    """Pause what has drained, unless staff said something else meanwhile."""
    return set_state(
        connection_id,
        Connection.State.PAUSED,
        reason,
        actor=actor,
        action="connection.paused",
        why=reason,
        only=Connection.State.DRAINING,
    )


def resume(*, connection_id: int, actor: audit.Actor, reason: str) -> Connection:
    """Have it read and written again; what happened meanwhile is asked for at once."""
    with transaction.atomic():
        row = set_state(
            connection_id, Connection.State.ACTIVE, "", actor=actor, action="connection.resumed", why=reason
        )
        read_at_once(connection_id)
    return row


def read_at_once(connection_id: int) -> int:
    """Have every stream of a connection swept as soon as somebody can; returns how many."""
    return Cursor.objects.filter(connection_id=connection_id, lease_until__isnull=True).update(run_at=None)


def mark_misconfigured(*, connection_id: int, detail: str, actor: audit.Actor) -> Connection:
    """Pause it because only its owner can help; a pause by staff is left as it is."""
    return set_state(
        connection_id,
        Connection.State.MISCONFIGURED,
        detail,
        actor=actor,
        action="connection.misconfigured",
        why=detail,
        unless=Connection.State.PAUSED,
    )


def rotate_hook_token(
    *, connection_id: int, actor: audit.Actor, reason: str, token: str | None = None
) -> str:
    """Return a new token for the path of the hook, never shown again; the old one ends at once.

    token: one the vendor has been told already; a random one where none is given.
    """
    token = token or randomness.token_urlsafe(32)
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection_id)
        row.hook_token_hash = hook_token_hash(token)
        row.save(update_fields=["hook_token_hash", "updated_at"])
        audit.record(actor=actor, action="connection.hook_token_rotated", subject=row, reason=reason)
    return token


def hook_token_hash(token: str) -> str:
    """Return what is kept of a hook's token; it is random enough for a plain hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def split(config_type: type[Any], values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Part settings from secrets; secrets left empty are left out."""
    names = {setting.name for setting in config.settings_of(config_type) if setting.secret}
    plain = {name: value for name, value in values.items() if name not in names}
    hidden = {name: str(value) for name, value in values.items() if name in names and value}
    return plain, hidden


def set_state(
    connection_id: int,
    state: Connection.State,
    state_reason: str,
    *,
    actor: audit.Actor,
    action: str,
    why: str,
    unless: Connection.State | None = None,
    only: Connection.State | None = None,
) -> Connection:
    """Change the state with its reason; nothing when it is so already, is `unless`, or is not `only`."""
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection_id)
        if row.state == unless or (only is not None and row.state != only):
            return row
        if (row.state, row.state_reason) == (state, state_reason):
            return row
        before = audit.snapshot(row)
        if row.state != state:
            row.state_since = utc_now()
        row.state, row.state_reason = state, state_reason
        row.save(update_fields=["state", "state_reason", "state_since", "updated_at"])
        audit.record_changed(row, before, actor=actor, action=action, reason=why)
    return row


def _set_secret(row: Connection, name: str, value: str, *, actor: audit.Actor, reason: str) -> None:
    ciphertext, key_id = secrets.seal(row.pk, name, value)
    secret, _ = Secret.objects.update_or_create(
        connection=row, name=name, defaults={"ciphertext": ciphertext, "key_id": key_id}
    )
    audit.record(
        actor=actor,
        action="secret.set",
        subject=secret,
        after={"name": name, "value": audit.HIDDEN, "key_id": key_id},
        reason=reason,
    )


def _storable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as JSON keeps them: exact decimals as text."""
    return {
        name: str(value) if isinstance(value, Decimal) else value
        for name, value in values.items()
        if value is not None
    }
