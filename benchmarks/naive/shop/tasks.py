"""The naive build's tasks: one per webhook, one per touched item."""

from __future__ import annotations

import json

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from benchmarks.naive.shop import services
from benchmarks.naive.shop.models import WebhookEvent


@shared_task(name="shop.process_webhook")
def process_webhook(event_id: int) -> None:
    """Apply one stored webhook, once, in one transaction."""
    with transaction.atomic():
        event = (
            WebhookEvent.objects.select_for_update(of=("self",)).select_related("channel").get(pk=event_id)
        )
        if event.processed_at is not None:
            return
        body = json.loads(event.body)
        if event.topic.startswith("order."):
            services.apply_order(event.channel, body)
        else:
            for change in services.parse_till(event.channel, body):
                services.apply_change(change)
        event.processed_at = timezone.now()
        event.save(update_fields=["processed_at"])


@shared_task(name="shop.recompute_availability")
def recompute_availability(item_id: int) -> None:
    """Compute the figures of one item."""
    services.recompute(item_id)
