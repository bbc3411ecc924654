"""What the core may not do by itself: read a clock, roll dice, make ids, call a broker or the net.

They are arguments, so that the simulation can run the real code. Who wires them in is named here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.source import (
    CORE_ROOMS,
    ROOT,
    Source,
    aliases,
    assert_none,
    docstrings,
    dotted,
    imports,
    meant,
    parsed,
    sources,
    within,
)

# The composition root: here the real clock, ids and broker are handed in, each for its reason.
WIRING = {
    "inventory_sync/pipeline/wiring.py": "builds the ports of the running platform",
    "inventory_sync/pipeline/steps.py": "bounds each step in time and calls it with the real ports",
    "inventory_sync/pipeline/tasks.py": "the Celery tasks: wake-ups and nothing else",
    "inventory_sync/pipeline/signals.py": "what Celery calls around the tasks of a worker",
    "inventory_sync/pipeline/wake.py": "sends the wake-ups",
    "inventory_sync/pipeline/dispatcher.py": "the supervised process that finds what no wake-up announced",
    "inventory_sync/pipeline/replay.py": "what the console calls to have things applied again",
    "inventory_sync/pipeline/schedule.py": "ticks of the schedule",
}
COMMANDS = re.compile(r"inventory_sync/[a-z_]+/management/commands/\w+\.py")

CALLS = {
    "datetime.datetime.now": "a clock",
    "datetime.datetime.utcnow": "a clock",
    "datetime.datetime.today": "a clock",
    "datetime.date.today": "a clock",
    "django.utils.timezone.now": "a clock",
    "inventory_sync.support.clock.utc_now": "a clock",
    "time.time": "a clock",
    "time.time_ns": "a clock",
    "time.monotonic": "a clock",
    "time.monotonic_ns": "a clock",
    "time.perf_counter": "a clock",
    "time.sleep": "a clock",
    "inventory_sync.support.correlation.new_id": "an id maker",
    "os.urandom": "a random source",
}
MODULES = {
    "random": "a random source",
    "secrets": "a random source",
    "uuid": "an id maker",
    "requests": "HTTP",
    "httpx": "HTTP",
    "urllib.request": "HTTP",
    "http.client": "HTTP",
    "socket": "the net",
    "redis": "a broker",
    "kombu": "a broker",
    "celery": "a broker",
}
METHODS = {"delay": "a broker", "apply_async": "a broker", "send_task": "a broker"}
PURE = re.compile(r"connectors/(?!base/)\w+/(translate\w*|webhooks|schemas)\.py")
IMPURE = {
    *MODULES,
    "os",
    "pathlib",
    "io",
    "subprocess",
    "threading",
    "asyncio",
    "time",
    "tempfile",
    "shutil",
    "logging",
    "structlog",
    "connectors.base.http",
}
SQL_WRITE = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?|COPY)\s+\"?ledger_\w+", re.IGNORECASE
)
WRITERS = {
    "create",
    "bulk_create",
    "update",
    "bulk_update",
    "get_or_create",
    "update_or_create",
    "delete",
    "save",
    "raw",
}


def reaching_out(source: Source) -> Iterator[str]:
    advice = "Take it as an argument; pipeline's wiring hands it in."
    for module, node in imports(source):
        for forbidden, what in MODULES.items():
            if within(module, forbidden):
                yield source.at(node, f"{source.room} imports {module} ({what}). {advice}")
    names = aliases(source)
    for node in source.nodes:
        if isinstance(node, ast.Attribute | ast.Name) and (clock := CALLS.get(meant(node, names))):
            yield source.at(node, f"{meant(node, names)} is {clock}. {advice}")
        elif isinstance(node, ast.Attribute) and (wire := METHODS.get(node.attr)):
            yield source.at(node, f".{node.attr} is {wire}. Leave a row that states the debt. {advice}")


def impure(source: Source) -> Iterator[str]:
    for module, node in imports(source):
        for forbidden in IMPURE:
            if within(module, forbidden):
                yield source.at(node, f"Translation imports {module}; it is pure: bytes in, events out.")
    names = aliases(source)
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and meant(node, names) in CALLS:
            yield source.at(node, f"Translation calls {meant(node, names)}; it is given `now`.")
        elif isinstance(node, ast.Call) and dotted(node.func) in ("open", "print", "input", "eval", "exec"):
            yield source.at(node, f"Translation calls {dotted(node.func)}(); it is pure.")


def ledger_written(source: Source) -> Iterator[str]:
    """Nobody but the ledger creates, changes or removes its rows."""
    advice = "Call a function of inventory_sync.ledger instead."
    if "ledger" not in source.text:
        return
    names = aliases(source)
    skipped = docstrings(source)
    for node in source.nodes:
        if isinstance(node, ast.Call):
            target = meant(node.func, names)
            if within(target, "inventory_sync.ledger.models"):
                rest = target.removeprefix("inventory_sync.ledger.models.").split(".")
                if len(rest) == 1 or WRITERS & set(rest[1:]):
                    yield source.at(
                        node, f"{'.'.join(rest)}() writes ledger rows outside the ledger. {advice}"
                    )
        elif (
            isinstance(node, ast.Constant)
            and id(node) not in skipped
            and (found := SQL_WRITE.search(str(node.value)))
        ):
            yield source.at(node, f"SQL {found.group(0)!r} outside the ledger. {advice}")


def test_the_core_takes_its_clock_its_ids_and_its_wires_as_arguments():
    core = [
        source
        for source in sources("inventory_sync")
        if source.room in CORE_ROOMS and source.path not in WIRING and not COMMANDS.fullmatch(source.path)
    ]

    assert len(core) > 30
    assert_none(words for source in core for words in reaching_out(source))


def test_every_exception_still_exists():
    assert_none(
        f"{path} is excused here but gone. Remove its row." for path in WIRING if not (ROOT / path).is_file()
    )


def test_translation_is_pure():
    pure = [source for source in sources("connectors") if PURE.fullmatch(source.path)]

    assert len(pure) >= 4
    assert_none(words for source in pure for words in impure(source))


def test_only_the_ledger_touches_ledger_rows():
    others = [source for source in sources("inventory_sync", "connectors") if source.room != "ledger"]

    assert_none(words for source in others for words in ledger_written(source))


@pytest.mark.parametrize(
    ("rule", "text", "caught"),
    [
        (reaching_out, "from datetime import datetime\nx = datetime.now()", True),
        (reaching_out, "from datetime import datetime as dt\nx = dt.now(UTC)", True),
        (reaching_out, "import datetime\nx = datetime.datetime.now()", True),
        (
            reaching_out,
            "from inventory_sync.support.clock import utc_now\nstore = Store(clock=utc_now)",
            True,
        ),
        (reaching_out, "from django.utils import timezone\nx = timezone.now()", True),
        (reaching_out, "import time\ntime.sleep(1)", True),
        (reaching_out, "import uuid", True),
        (reaching_out, "from random import choice", True),
        (reaching_out, "from httpx import Client", True),
        (reaching_out, "drain.delay('critical')", True),
        (reaching_out, "drain.apply_async(args=[])", True),
        (reaching_out, "def f(now):\n    return now()", False),
        (reaching_out, "from datetime import datetime\nx = datetime(2026, 1, 1)", False),
        (impure, "import httpx", True),
        (impure, "from pathlib import Path", True),
        (impure, "open('x')", True),
        (impure, "import json\nfrom decimal import Decimal", False),
        (
            ledger_written,
            "from inventory_sync.ledger.models import Event\nEvent.objects.create(key='x')",
            True,
        ),
        (
            ledger_written,
            "from inventory_sync.ledger.models import Order\nOrder.objects.filter(id=1).update(status='x')",
            True,
        ),
        (ledger_written, "from inventory_sync.ledger import models\nmodels.Event(key='x').save()", True),
        (ledger_written, "cursor.execute('insert into ledger_event (key) values (1)')", True),
        (ledger_written, "cursor.execute('SELECT * FROM ledger_event')", False),
        (
            ledger_written,
            "from inventory_sync.ledger.models import Event\nEvent.objects.filter(key='x').first()",
            False,
        ),
    ],
)
def test_each_rule_sees_what_it_is_for(rule, text: str, caught: bool):
    assert bool(list(rule(parsed("inventory_sync/intake/x.py", text)))) is caught
