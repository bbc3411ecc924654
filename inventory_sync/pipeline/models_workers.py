"""What each worker process is at, written by itself every few seconds (presence.py); read by watch.py."""

from __future__ import annotations

from django.db import models


class Worker(models.Model):
    """One process of a worker's pool. A row lives as long as its process, or until it is missed for long."""

    host = models.CharField(max_length=120)
    pid = models.IntegerField(help_text="The process that does the work.")
    parent = models.IntegerField(help_text="The worker that started it and takes messages for it.")
    queues = models.CharField(max_length=120, help_text="Comma-separated.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    task = models.CharField(max_length=80, blank=True, help_text="What it is at; nothing when it waits.")
    arguments = models.CharField(max_length=200, blank=True)
    task_id = models.CharField(max_length=60, blank=True, help_text="As Flower knows it.")
    since = models.DateTimeField(null=True, help_text="Since when it is at it, or waits.")
    taken = models.PositiveBigIntegerField(default=0, help_text="Tasks since it started.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["host", "pid"], name="a_process_has_one_row")]

    def __str__(self) -> str:
        return f"{self.queues} {self.host} {self.pid}"
