"""The naive build's tasks: one per webhook, one per touched item, one per figure for the shop."""

from __future__ import annotations

import json
import urllib.request

from celery import shared_task
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from benchmarks.naive.settings import CHANNEL_URL
from benchmarks.naive.shop import services
from benchmarks.naive.shop.models import Availability, Listing, WebhookEvent


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
    """Compute the figures of one item, and have the shop told where there is one to tell."""
    services.recompute(item_id)
    if CHANNEL_URL:
        touched = Q(item_id=item_id) | Q(item__components__item_id=item_id)
        changed = Availability.objects.filter(touched, channel__kind="woocommerce", dirty=True)
        for figure_id in changed.values_list("id", flat=True):
            push_figure.delay(figure_id)


@shared_task(
    name="shop.push_figure",
    autoretry_for=(OSError,),
    retry_backoff=True,
    retry_backoff_max=60,
    max_retries=None,
)
def push_figure(figure_id: int) -> None:
    """Tell the shop one figure; what it refuses is tried again later."""
    figure = Availability.objects.get(pk=figure_id)
    listing = Listing.objects.get(channel_id=figure.channel_id, item_id=figure.item_id)
    number = listing.external_id.removeprefix("product:")
    request = urllib.request.Request(
        f"{CHANNEL_URL}/wp-json/wc/v3/products/{number}",
        json.dumps({"stock_quantity": int(figure.quantity)}).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
    Availability.objects.filter(pk=figure_id, quantity=figure.quantity).update(dirty=False)
