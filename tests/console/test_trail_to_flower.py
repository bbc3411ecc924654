"""From the trail of an id to the tasks in Flower that were about it, as Flower itself searches."""

from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from celery import Task
from celery.utils.saferepr import saferepr
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from flower.utils.search import TaskSearchEngine

from inventory_sync.console.trail import Trail
from inventory_sync.pipeline.tasks import _told
from inventory_sync.support import correlation
from tests.console.conftest import Retailer

ID = "c0ffee0000000001"


def found(link: str, *tasks: SimpleNamespace) -> list[str]:
    """Return the tasks that Flower lists: its page searches for `name:` and what its address says."""
    name = parse_qs(urlsplit(link).query)["name"][0]
    engine = TaskSearchEngine()
    engine.rebuild([(task.uuid, task) for task in tasks])
    return list(engine.search({task.uuid: task for task in tasks}, f"name:{name}").task_ids)


def task(uuid: str, **fields: str) -> SimpleNamespace:
    return SimpleNamespace(
        **{"uuid": uuid, "name": "pipeline.push", "kwargs": "{'connection_id': 7}", **fields}
    )


def test_the_link_finds_who_was_asked_for_by_the_id_and_who_was_about_it(settings: LazySettings) -> None:
    settings.FLOWER_URL = "https://stock.example.com/ops/flower/"

    link = Trail(ID).tasks_link

    assert link.startswith("https://stock.example.com/ops/flower/tasks?")
    asked = task("asked", kwargs=f"{{'connection_id': 7}} asked for by {ID}")
    about = task("about", result=f"{{'settled': 1, 'about': '{ID}'}}")
    assert set(found(link, asked, about, task("another", result="{'settled': 1}"))) == {"asked", "about"}


def test_a_task_about_very_many_still_names_the_first_fifty_to_flower() -> None:
    ids = [f"{number:016x}" for number in range(1, 1001)]

    def step() -> dict[str, int]:
        with correlation.bound_all(ids, new_id=lambda: "a-batch"):
            return {"deliveries": 1000, "events": 1000, "orders": 1000, "duplicates": 1000, "mirrored": 1000}

    told = saferepr(_told(step), maxlen=Task.resultrepr_maxsize)

    assert all(each in told for each in ids[:50])


def test_without_flower_there_is_no_link(settings: LazySettings) -> None:
    settings.FLOWER_URL = ""

    assert Trail(ID).tasks_link == ""


@pytest.mark.django_db
def test_the_pages_of_a_trail_and_of_a_delivery_show_the_link(
    boss: Client, retailer: Retailer, settings: LazySettings
) -> None:
    settings.FLOWER_URL = "https://stock.example.com/ops/flower/"
    for page in (
        reverse("admin:intake_delivery_trail", args=[ID]),
        reverse("admin:intake_delivery_change", args=[retailer.delivery.pk]),
    ):
        assert f"/ops/flower/tasks?name=pipeline.%20{ID}" in boss.get(page).content.decode()
