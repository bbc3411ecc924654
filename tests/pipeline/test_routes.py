"""Every task has one declared route, and whoever sends it goes by that."""

from __future__ import annotations

import ast
import re
import threading
from pathlib import Path

import pytest

from inventory_sync.config.celery import app
from inventory_sync.pipeline import debts
from inventory_sync.pipeline.inline import WORK
from inventory_sync.pipeline.routes import QUEUES, ROUTES, TABLE, Route
from inventory_sync.pipeline.wake import Waker
from runner.landscape import WORKERS
from tests.house.source import ROOT

DOCS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SENDERS = [ROOT / "inventory_sync", ROOT / "runner"]


def ours() -> set[str]:
    app.loader.import_default_modules()
    return {name for name in app.tasks if name.startswith("pipeline.")}


def test_every_task_has_one_row_and_every_row_a_task() -> None:
    assert len(ROUTES) == len(TABLE)
    assert ours() == set(ROUTES)


def test_what_the_workers_do_the_dispatcher_can_do_itself() -> None:
    assert set(WORK) == set(ROUTES) - {"pipeline.canary"}


def test_every_queue_has_workers_of_its_own() -> None:
    assert set(WORKERS) == set(QUEUES)
    assert {queue for route in TABLE for queue in route.queues} == set(QUEUES)


@pytest.mark.parametrize("route", TABLE, ids=lambda route: route.task)
def test_a_task_called_by_name_alone_goes_to_its_declared_queue(route: Route) -> None:
    assert app.amqp.router.route({}, route.task)["queue"].name == route.queue


def test_a_healthy_run_ends_before_celery_would_end_it() -> None:
    limit = app.conf.task_soft_time_limit

    assert [route.task for route in TABLE if route.holds.total_seconds() > limit] == []


def test_a_wake_up_goes_to_a_queue_its_row_declares() -> None:
    sent: list[tuple[str, str]] = []
    waker = Waker(lambda task, queue, arguments: sent.append((task, queue)))
    waker._thread = threading.current_thread()  # alive: no other is started, and we flush ourselves

    waker.drain_intake("bulk")
    waker.compute()
    waker.push(7)
    waker.mirror(7)
    waker.follow_orders()
    waker.send_orders(7)
    waker.tell_deliveries(7)
    waker.flush()

    assert len(sent) == 7
    assert [each for each in sent if each[1] not in ROUTES[each[0]].queues] == []
    assert ("pipeline.drain_intake", "bulk") in sent


def test_an_undeclared_task_or_queue_is_refused_where_it_is_asked_for() -> None:
    with pytest.raises(ValueError, match="no row"):
        debts.owed("pipeline.unheard_of")
    with pytest.raises(ValueError, match="not declared for the queue bulk"):
        Waker(lambda *_: None).want("pipeline.compute", on="bulk")
    assert debts.owed("pipeline.push", on="critical", connection_id=7) == debts.Debt(
        "pipeline.push", "critical", {"connection_id": 7}
    )


def test_nobody_names_a_queue_past_the_table() -> None:
    """Celery's own ways of sending are used in one place, which is told the queue; `owed` makes debts."""
    past = []
    for path in (path for folder in SENDERS for path in folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if not re.search(r"send_task|apply_async|\bDebt\(|\.delay", text):
            continue
        past += [
            f"{path.relative_to(ROOT)}:{node.lineno}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call) and _past(node, path)
        ]

    assert past == []


def _past(call: ast.Call, path: Path) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in {"send_task", "apply_async"}:
        return path.name != "wake.py"
    if name == "Debt":
        return path.parent.name == "pipeline" and path.name != "debts.py"
    return name in {"delay", "delay_on_commit"} and isinstance(call.func, ast.Attribute)


def test_the_tasks_say_what_they_do_for_those_who_read_flower() -> None:
    assert [name for name in ours() if not (app.tasks[name].__doc__ or "").strip()] == []


@pytest.mark.parametrize("route", TABLE, ids=lambda route: route.task)
def test_operations_shows_the_row(route: Route) -> None:
    [line] = [line for line in DOCS.splitlines() if line.startswith(f"| `{route.task}` ")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]

    assert cells[1] == ", ".join(route.queues)
    assert cells[2] == _words(int(route.within.total_seconds()))
    assert cells[3:] == [route.impact, route.recovery]


def _words(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
