"""Make, check and end the keys of external systems.

A key reads `prefix_secret`. The prefix names it in lists and logs; of the secret only a keyed hash is
kept, so a stolen database opens nothing. What a key may do is asked by the API; staff belong to Django.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from inventory_sync.access.models import ApiKey
from inventory_sync.audit import services as audit
from inventory_sync.support.keys import master_key

USE_IS_NOTED_EVERY = timedelta(minutes=1)
_NOBODY = "0" * 64


def create_key(
    *,
    consumer: str,
    scopes: Sequence[str],
    channels: Sequence[str] = (),
    expires_at: datetime | None = None,
    actor: audit.Actor,
    reason: str,
) -> tuple[ApiKey, str]:
    """Return the new key's row and the key itself, which is never shown again."""
    unknown = sorted(set(scopes) - set(ApiKey.Scope.values))
    if unknown:
        raise ValidationError({"scopes": f"Unknown scope {unknown[0]!r}."})
    if not scopes:
        raise ValidationError({"scopes": "A key without a scope opens nothing."})
    prefix = f"sync{secrets.token_hex(5)}"
    raw_key = f"{prefix}_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        key = ApiKey.objects.create(
            consumer=consumer,
            prefix=prefix,
            key_hash=_hash(raw_key),
            scopes=sorted(set(scopes)),
            channels=sorted(set(channels)),
            expires_at=expires_at,
        )
        audit.record_created(key, actor=actor, action="api_key.created", reason=reason)
    return key, raw_key


def revoke_key(*, key_id: int, actor: audit.Actor, reason: str, now: datetime) -> ApiKey:
    """End a key at once and for good; ending it twice changes nothing."""
    with transaction.atomic():
        key = ApiKey.objects.select_for_update().get(pk=key_id)
        if key.revoked_at is None:
            before = audit.snapshot(key)
            key.revoked_at = now
            key.save(update_fields=["revoked_at", "updated_at"])
            audit.record_changed(key, before, actor=actor, action="api_key.revoked", reason=reason)
    return key


def verify(raw_key: str, *, now: datetime) -> ApiKey | None:
    """Return the key if it is valid now, else None. Takes as long for a wrong key as for a right one."""
    key = ApiKey.objects.filter(prefix=raw_key.partition("_")[0][:16]).first()
    matches = hmac.compare_digest(_hash(raw_key), key.key_hash if key else _NOBODY)
    if key is None or not matches or key.revoked_at is not None:
        return None
    if key.expires_at is not None and key.expires_at <= now:
        return None
    if key.last_used_at is None or key.last_used_at <= now - USE_IS_NOTED_EVERY:
        unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - USE_IS_NOTED_EVERY)
        ApiKey.objects.filter(unnoted, pk=key.pk).update(last_used_at=now)
    return key


def _hash(raw_key: str) -> str:
    """Return HMAC-SHA256 of the key under a key of its own, derived from the installation's."""
    pepper = hmac.digest(master_key(), b"access.api-key", "sha256")
    return hmac.new(pepper, raw_key.encode(), hashlib.sha256).hexdigest()
