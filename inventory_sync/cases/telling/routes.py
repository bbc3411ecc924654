"""Write routes and what staff ask of messages; every write is audited, a secret goes in and never out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.cases.models_telling import Message, Route
from inventory_sync.cases.telling import wording
from inventory_sync.cases.telling.sending import SECRET
from inventory_sync.support import sealing

LEAST_SECRET_BYTES = 24


def check(route: Route, *, secret: str) -> None:
    """Raise ValidationError when a route could not be used as it stands; `secret` "" is none given."""
    wrong: dict[str, str] = {}
    if route.kind == Route.Kind.EMAIL:
        bad = [address for address in route.address_list if not _is_address(address)]
        if bad:
            wrong["addresses"] = f"Not an e-mail address: {', '.join(bad)}."
        elif not route.address_list:
            wrong["addresses"] = "At least one address."
    else:
        if not route.url.startswith(("https://", "http://")):
            wrong["url"] = "The address of the webhook, beginning with https://."
        if not secret and not route.ciphertext:
            wrong["secret"] = "The receiver checks the signature with it: whsec_ and base64."  # noqa: S105
        elif secret and not _is_secret(secret):
            wrong["secret"] = f"whsec_ followed by base64 of at least {LEAST_SECRET_BYTES} bytes."
    if wrong:
        raise ValidationError(wrong)


def save_route(route: Route, *, secret: str = "", actor: audit.Actor, reason: str) -> Route:
    """Store a new or changed route; an empty secret keeps the one there is. Raises ValidationError."""
    route.full_clean()
    check(route, secret=secret)
    with transaction.atomic():
        before = None
        if route.pk is not None:
            before = audit.snapshot(Route.objects.select_for_update().get(pk=route.pk))
        route.save()
        if secret:
            route.ciphertext, route.key_id = sealing.seal(f"route/{route.pk}", secret)
            route.save(update_fields=["ciphertext", "key_id"])
            shown = {"name": SECRET, "value": audit.HIDDEN}
            audit.record(actor=actor, action="route.secret_set", subject=route, after=shown, reason=reason)
        if before is None:
            audit.record_created(route, actor=actor, action="route.created", reason=reason)
        else:
            audit.record_changed(route, before, actor=actor, action="route.changed", reason=reason)
    return route


def send_test(
    *,
    route_id: int,
    actor: audit.Actor,
    reason: str,
    now: datetime,
    new_id: Callable[[], str],
    hub: str,
) -> Message:
    """Put a test message on its way, whatever the route's quiet hours and limits."""
    with transaction.atomic():
        route = Route.objects.get(pk=route_id)
        key = f"msg_{new_id()}"
        by = actor if isinstance(actor, str) else actor.get_username()
        words = wording.words_of_a_test(route, by=by, key=key, now=now, hub=hub)
        message = Message.objects.create(
            route=route,
            key=key,
            at=now,
            is_test=True,
            severity="low",
            subject=words.subject,
            text=words.text,
            html=words.html,
            payload=words.payload,
            run_at=now,
        )
        audit.record(actor=actor, action="route.tested", subject=route, after={"key": key}, reason=reason)
    return message


def send_again(*, message_id: int, actor: audit.Actor, reason: str, now: datetime) -> bool:
    """Have a message that was given up, or waits for its next try, sent now; False when it was sent."""
    with transaction.atomic():
        row = Message.objects.select_for_update().get(pk=message_id)
        if row.state == Message.State.SENT:
            return False
        row.state, row.run_at, row.attempts = Message.State.WAITING, now, 0
        row.save(update_fields=["state", "run_at", "attempts"])
        audit.record(actor=actor, action="message.sent_again", subject=row, reason=reason)
    return True


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _is_secret(text: str) -> bool:
    if not text.startswith("whsec_"):
        return False
    try:
        return len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) >= LEAST_SECRET_BYTES
    except (binascii.Error, ValueError):
        return False
