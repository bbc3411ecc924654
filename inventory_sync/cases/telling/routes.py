"""Write routes and what staff ask of messages; every write is audited, a secret goes in and never out."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Callable, Collection
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.cases.models_telling import Message, Route
from inventory_sync.cases.telling import wording
from inventory_sync.cases.telling.again import owe_what_was_missed
from inventory_sync.cases.telling.sending import SECRET
from inventory_sync.support import sealing

LEADS = ("kind", "addresses", "url")
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
        if why := _wrong_with(route.url, settings.INVENTORY_SYNC["EGRESS_ALLOWED_HOSTS"]):
            wrong["url"] = why
        if not secret and not route.ciphertext:
            wrong["secret"] = "The receiver checks the signature with it: whsec_ and base64."  # noqa: S105
        elif secret and not _is_secret(secret):
            wrong["secret"] = f"whsec_ followed by base64 of at least {LEAST_SECRET_BYTES} bytes."
    if wrong:
        raise ValidationError(wrong)


def save_route(route: Route, *, secret: str = "", actor: audit.Actor, reason: str, now: datetime) -> Route:
    """Store a new or changed route; an empty secret keeps the one there is. Raises ValidationError.

    Switched on again, or led elsewhere, it is owed what it could not tell meanwhile and is still wrong.
    """
    route.full_clean()
    check(route, secret=secret)
    with transaction.atomic():
        before, was = None, None
        if route.pk is not None:
            was = Route.objects.select_for_update(no_key=True).get(pk=route.pk)
            before = audit.snapshot(was)
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
        if was is not None and route.active and (secret or not was.active or _leads_elsewhere(was, route)):
            owe_what_was_missed(route, now=now)
    return route


def _leads_elsewhere(was: Route, route: Route) -> bool:
    return any(getattr(was, name) != getattr(route, name) for name in LEADS)


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


def _wrong_with(url: str, allowed: Collection[str]) -> str:
    """Return why nothing would ever be posted there, as far as the address itself tells; empty if it may be.

    Where a name leads is checked at each call.
    """
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("https", "http"):
        return "The address of the webhook, beginning with https://."
    if parts.username is not None or parts.password is not None:
        return "An address with a user or password is not posted to; the signature says who we are."
    if host not in allowed and parts.scheme == "http":
        return "Plain http only to hosts that SYNC_EGRESS_ALLOWED_HOSTS names; use https://."
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    nets = [ipaddress.ip_network(each, strict=False) for each in allowed if _is_network(each)]
    if address.is_global or any(address in net for net in nets if net.version == address.version):
        return ""
    return "This is not a public address, and SYNC_EGRESS_ALLOWED_HOSTS does not name it."


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
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
