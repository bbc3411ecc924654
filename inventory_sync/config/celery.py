"""The Celery app. Messages only wake workers: a lost, doubled or late one costs time, never data.

The settings follow from experiments with kill -9, silent and wiped brokers: docs/decisions/0001.
"""

from __future__ import annotations

import os
import sys

from celery import Celery
from kombu.entity import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inventory_sync.config.settings")

from django.conf import settings

from inventory_sync.pipeline.routes import QUEUES, TABLE

app = Celery("inventory_sync")
_on_redis = settings.BROKER_URL.startswith(("redis", "rediss", "unix"))
# Who only sends must not wait long for a broker that accepts and does not answer; a worker may.
_consumes = "worker" in sys.argv[1:]
_redis_options = {
    "socket_timeout": 5 if _consumes else 1,
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "visibility_timeout": 900,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "queue_order_strategy": "priority",
}
# RabbitMQ confirms each message; a confirmation that does not come must not be waited for without end.
_amqp_options = {"confirm_publish": True} | ({} if _consumes else {"read_timeout": 1, "write_timeout": 1})
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_connection_timeout=1,
    broker_heartbeat=10,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options=_redis_options if _on_redis else _amqp_options,
    task_queues=[Queue(tier) for tier in QUEUES],
    task_default_queue="standard",
    task_routes={route.task: {"queue": route.queue} for route in TABLE},
    task_create_missing_queues=False,
    task_acks_late=False,
    task_reject_on_worker_lost=False,
    task_ignore_result=True,
    result_backend=None,
    task_publish_retry_policy={
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.1,
    },
    task_serializer="json",
    accept_content=["json"],
    task_soft_time_limit=240,
    task_time_limit=300,
    task_send_sent_event=False,
    worker_pool="inventory_sync.config.worker_pool:SteadyPool",
    worker_disable_prefetch=_on_redis,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=10_000,
    worker_max_memory_per_child=400_000,
    worker_hijack_root_logger=False,
    worker_send_task_events=True,
    timezone="UTC",
    enable_utc=True,
    CELERY_DB_REUSE_MAX=500,
)
app.autodiscover_tasks(["inventory_sync.pipeline"])
app.conf.beat_schedule = {
    "keep_house": {
        "task": "pipeline.keep_house",
        "schedule": 30.0,
        "options": {"expires": 25},
    }
}
