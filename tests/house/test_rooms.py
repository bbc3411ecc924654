"""Who may know whom. import-linter checks its contracts in `make check`; this runs with the tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.conf import settings
from django.db.models import ForeignObject

from tests.house.source import LAYERS, Source, assert_none, imports, parsed, sources, within

DEPTH = {room: depth for depth, rooms in enumerate(LAYERS) for room in rooms}
CONNECTORS = tuple(path.rsplit(".", 2)[1] for path in settings.CONNECTORS.values())
TOOLKIT_USERS = ("intake", "propagation", "pipeline", "api", "console", "config")


def upward(source: Source) -> Iterator[str]:
    """Rooms only look down, and never beside them."""
    for module, node in imports(source):
        other = module.split(".")[1] if within(module, "inventory_sync") and "." in module else ""
        if other not in DEPTH or other == source.room or not source.room:
            continue
        if DEPTH[other] <= DEPTH[source.room]:
            yield source.at(
                node,
                f"{source.room} imports {module}, which is not below it. "
                "Move the code down, or pass what is needed as an argument.",
            )


def unplain(source: Source) -> Iterator[str]:
    """Domain is plain Python."""
    for module, node in imports(source):
        top = module.split(".")[0]
        if (
            not within(module, "inventory_sync.domain")
            and module != "inventory_sync"
            and (top not in sys.stdlib_module_names)
        ):
            yield source.at(
                node, f"domain imports {module}; it may only import the standard library and itself."
            )


def connector_known(source: Source) -> Iterator[str]:
    """No room imports a connector; its toolkit only where deliveries come in and figures go out."""
    for module, node in imports(source):
        if not within(module, "connectors"):
            continue
        if within(module, "connectors.base"):
            if source.room not in TOOLKIT_USERS:
                yield source.at(node, f"{source.room} uses {module}; only {TOOLKIT_USERS} may.")
        elif module != "connectors":
            yield source.at(
                node,
                f"{source.path} imports {module}; name it by dotted path in settings.CONNECTORS instead.",
            )


def stranger(source: Source) -> Iterator[str]:
    """A connector sees the domain, its toolkit and itself; its twin sees not even the connector."""
    parts = source.path.split("/")
    if len(parts) < 3:
        return
    folder, is_twin = f"connectors.{parts[1]}", is_twin_file(source.path)
    for module, node in imports(source):
        if within(module, "inventory_sync") and module != "inventory_sync":
            if not within(module, "inventory_sync.domain"):
                yield source.at(node, f"A connector imports {module}; it may see inventory_sync.domain only.")
            elif is_twin:
                yield source.at(node, f"A twin imports {module}; a witness shares nothing with us.")
        elif within(module, "connectors") and module != "connectors":
            inside = within(module, folder)
            if not inside and not within(module, "connectors.base"):
                yield source.at(node, f"{source.path} imports {module}; connectors do not know each other.")
            elif inside and module != folder and parts[1] != "base":
                other_is_twin = is_twin_file(module.replace(".", "/"))
                if is_twin != other_is_twin and not names_own_constant(module, folder):
                    yield source.at(
                        node, f"{source.path} imports {module}; twin and connector do not import each other."
                    )


def is_twin_file(path: str) -> bool:
    parts = path.split("/")
    return len(parts) > 2 and parts[2].removesuffix(".py").split("_")[0] == "twin"


def names_own_constant(module: str, folder: str) -> bool:
    """`from connectors.x import NAME` names something of the package's own __init__."""
    return module.removeprefix(folder + ".").isupper()


@pytest.mark.parametrize("rule", [upward, connector_known], ids=lambda rule: rule.__name__)
def test_every_room_keeps_the_rule(rule):
    assert_none(words for source in sources("inventory_sync") for words in rule(source))


def test_the_domain_is_plain_python():
    domain = [source for source in sources("inventory_sync") if source.room == "domain"]

    assert len(domain) > 5
    assert_none(words for source in domain for words in unplain(source))


def test_connectors_and_twins_are_strangers():
    assert_none(words for source in sources("connectors") for words in stranger(source))


def test_the_runner_starts_the_platform_from_outside():
    assert_none(
        source.at(node, f"runner imports {module}; start it as a process instead.")
        for source in sources("runner")
        for module, node in imports(source)
        if module.split(".")[0] in ("inventory_sync", "connectors", "django", "celery")
    )


def test_every_room_has_its_place_in_the_order():
    rooms = {source.room for source in sources("inventory_sync") if source.room}

    assert rooms == set(DEPTH), "Add the new room to LAYERS here and to the contracts in pyproject.toml."


def test_foreign_keys_look_down_too():
    complaints = []
    reached = 0
    for model in apps.get_models(include_auto_created=True):
        here = model.__module__.split(".")
        if here[0] != "inventory_sync":
            continue
        for field in model._meta.get_fields():
            if not isinstance(field, ForeignObject) or field.related_model == model:
                continue
            there = field.related_model.__module__.split(".")
            reached += 1
            if there[0] == "inventory_sync" and there[1] != here[1] and DEPTH[there[1]] <= DEPTH[here[1]]:
                complaints.append(
                    f"{'/'.join(here)}.py: {model.__name__}.{field.name} points up to {there[1]}; "
                    "name the row by kind and id instead."
                )
    assert reached > 20
    assert_none(complaints)


@pytest.mark.parametrize(
    ("rule", "path", "text", "caught"),
    [
        (upward, "inventory_sync/ledger/x.py", "from inventory_sync.pipeline import drain", True),
        (upward, "inventory_sync/intake/x.py", "from inventory_sync.propagation.models import Listing", True),
        (upward, "inventory_sync/intake/x.py", "from inventory_sync.ledger.post import post_events", False),
        (unplain, "inventory_sync/domain/x.py", "import django", True),
        (unplain, "inventory_sync/domain/x.py", "from inventory_sync.support import clock", True),
        (unplain, "inventory_sync/domain/x.py", "from decimal import Decimal", False),
        (connector_known, "inventory_sync/console/x.py", "from connectors.till import client", True),
        (connector_known, "inventory_sync/ledger/x.py", "from connectors.base import http", True),
        (connector_known, "inventory_sync/intake/x.py", "from connectors.base import signatures", False),
        (stranger, "connectors/till/client.py", "from connectors.woocommerce import client", True),
        (stranger, "connectors/till/client.py", "from connectors.till.twin import Books", True),
        (stranger, "connectors/till/twin_books.py", "from connectors.till.schemas import Sale", True),
        (stranger, "connectors/till/twin_books.py", "from connectors.till.twin import x", False),
        (stranger, "connectors/till/translate.py", "from inventory_sync.support import clock", True),
        (
            stranger,
            "connectors/till/translate.py",
            "from inventory_sync.domain.external import Reason",
            False,
        ),
    ],
)
def test_each_rule_sees_what_it_is_for(rule, path: str, text: str, caught: bool):
    assert bool(list(rule(parsed(path, text)))) is caught
