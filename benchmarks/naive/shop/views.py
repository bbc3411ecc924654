"""The naive build's door and API: serializers, tokens, one request at a time."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from django.db import transaction
from django.shortcuts import get_object_or_404
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.naive.shop import services
from benchmarks.naive.shop.models import Channel, Item, WebhookEvent
from benchmarks.naive.shop.tasks import process_webhook


class WebhookView(APIView):
    """Verify, store once, have it processed."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    def post(self, request: Request, code: str) -> Response:
        channel = get_object_or_404(Channel, code=code)
        body: bytes = request.body
        digest = base64.b64encode(hmac.digest(channel.secret.encode(), body, "sha256")).decode()
        if not hmac.compare_digest(digest, request.headers.get("X-WC-Webhook-Signature", "")):
            return Response(status=status.HTTP_401_UNAUTHORIZED)
        with transaction.atomic():
            event, created = WebhookEvent.objects.get_or_create(
                channel=channel,
                key=hashlib.sha256(body).hexdigest(),
                defaults={
                    "topic": request.headers.get("X-WC-Webhook-Topic", ""),
                    "body": body.decode(),
                },
            )
            if created:
                transaction.on_commit(lambda: process_webhook.delay(event.pk))
        return Response({"id": event.pk}, status=status.HTTP_202_ACCEPTED)


class ReservationSerializer(serializers.Serializer[Any]):
    channel = serializers.SlugRelatedField(slug_field="code", queryset=Channel.objects.all())
    order_ref = serializers.CharField(max_length=120)
    line = serializers.CharField(max_length=80)
    sku = serializers.CharField(max_length=80)
    quantity = serializers.DecimalField(max_digits=18, decimal_places=6, min_value=0)


class ReservationView(APIView):
    """Reserve for one order line."""

    def post(self, request: Request) -> Response:
        asked = ReservationSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            made = services.reserve(**asked.validated_data)
        except Item.DoesNotExist:
            return Response({"detail": "Unknown item."}, status=status.HTTP_404_NOT_FOUND)
        except services.NotEnough:
            return Response({"detail": "Not enough stock."}, status=status.HTTP_409_CONFLICT)
        return Response({"id": made.pk, "quantity": str(made.quantity)}, status=status.HTTP_201_CREATED)
