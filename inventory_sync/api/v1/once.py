"""`Idempotency-Key` for the writes of v1: what was asked under a name is done once, and answered the same.

The answer is kept in the transaction that does what was asked (access/answers.py). Staff, who come by the
admin's session, name nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from inventory_sync.access import answers
from inventory_sync.access.models import ApiKey
from inventory_sync.api.errors import NameReused
from inventory_sync.api.reserve.once import fingerprint_of, is_name
from inventory_sync.support.clock import utc_now

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"


def once(request: Request, body: bytes, act: Callable[[], tuple[int, Any]]) -> Response:
    """Do what was asked and answer it, or give the answer that was given under the same name before."""
    name = request.headers.get(HEADER)
    if name is None or not isinstance(request.auth, ApiKey):
        with transaction.atomic():
            status, data = act()
        return Response(data, status=status)
    if not is_name(name):
        raise ValidationError({HEADER: ["1 to 255 visible ASCII characters."]})
    now, full_name = utc_now(), (request.auth.pk, name)
    fingerprint = fingerprint_of(str(request.method), request.get_full_path(), body)
    oldest = now - timedelta(seconds=settings.INVENTORY_SYNC["IDEMPOTENCY_KEEP_S"])
    with transaction.atomic():
        kept = answers.claim({full_name: fingerprint}, now=now, oldest=oldest).get(full_name)
        if kept is None:
            status, data = act()
            answers.write([(full_name, status, JSONRenderer().render(data))])
            return Response(data, status=status)
    if kept.fingerprint != fingerprint:
        raise NameReused
    return Response(json.loads(kept.body), status=kept.status, headers={REPLAYED: "true"})
