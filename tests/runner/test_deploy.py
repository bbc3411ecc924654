"""The stack from images is that of `make run`: the same processes, commands that exist, known settings."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from inventory_sync.pipeline.routes import QUEUES
from runner.embedded import External, Services
from runner.landscape import WEB, WORKERS, Landscape, Ports
from tests.house.source import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
DOCS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
OURS = {name: service for name, service in SERVICES.items() if name not in ("postgres", "broker")}
OF_OTHERS = {"POSTGRES_PASSWORD", "WEB_PORT", "FLOWER_PORT"}
"""Read by compose itself or another's image."""


def ours_of_make_run() -> dict[str, tuple[str, ...]]:
    services = Services(External("postgres", "postgresql://x"), External("broker", "redis://x"))
    keys = dict.fromkeys(("SECRET_KEY", "SYNC_SECRETS_KEY", "ADMIN_PASSWORD", "FLOWER_PASSWORD"), "x")
    stages = Landscape(Path("var"), keys, Ports(), services).stages(trade=False)
    return {child.name: child.command for stage in stages for child in stage}


def without_places(command: list[str] | tuple[str, ...]) -> list[str]:
    """Return a command's words without its program, addresses and files."""
    words = [str(word) for word in command]
    start = next(i for i, word in enumerate(words) if re.search(r"celery$|uvicorn$|manage\.py$", word))
    kept, skip = [], False
    for word in words[start + 1 :]:
        if skip or re.match(r"--(address|port|db|schedule|host)=", word):
            skip = False
        elif word in ("--host", "--port", "--schedule"):
            skip = True
        else:
            kept.append(word)
    return kept


def web_of_the_image() -> list[str]:
    [words] = re.findall(r"^CMD (\[.*?\])", DOCKERFILE, flags=re.MULTILINE | re.DOTALL)
    parsed: list[str] = yaml.safe_load(words.replace("\\\n", ""))
    return parsed


@pytest.mark.parametrize("name", ["dispatcher", "beat", "flower", *(f"worker-{queue}" for queue in WORKERS)])
def test_a_service_runs_what_make_run_runs(name: str) -> None:
    assert without_places(SERVICES[name]["command"]) == without_places(ours_of_make_run()[name])


def test_web_runs_what_make_run_runs() -> None:
    image = web_of_the_image()

    assert "command" not in SERVICES["web"]
    assert without_places(image) == without_places(ours_of_make_run()["web"])
    assert set(WEB) <= set(image)


def test_every_queue_has_a_service_of_its_own() -> None:
    assert {name for name in SERVICES if name.startswith("worker-")} == {f"worker-{each}" for each in QUEUES}


def test_every_command_of_manage_exists() -> None:
    named = [
        words[words.index("manage.py") + 1]
        for words in (service.get("command") or [] for service in OURS.values())
        if "manage.py" in words
    ]

    assert sorted(named) == ["dispatcher", "migrate"]
    assert set(named) <= set(get_commands())


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_service_of_ours_may_change_nothing_and_be_nobody(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", []))
    assert "privileged" not in service


def test_every_service_that_stays_says_whether_it_is_well() -> None:
    silent = {name for name, service in SERVICES.items() if "healthcheck" not in service}

    assert silent == {"migrate", "beat"}, "beat may be lost: the dispatcher ticks too"


def test_the_image_is_run_by_nobody_in_particular_from_pinned_packages() -> None:
    assert re.findall(r"^USER (.+)$", DOCKERFILE, flags=re.MULTILINE)[-1] not in ("root", "0")
    assert "--require-hashes" in DOCKERFILE
    copied = [
        path
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, flags=re.MULTILINE)
        for path in line.split()[:-1]
    ]
    assert [path for path in copied if not (ROOT / path).exists()] == []


def told() -> set[str]:
    """Return every variable that compose and systemd tell a process of ours, or that the example asks for."""
    names = {name for service in OURS.values() for name in service["environment"]}
    example = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8")
    names |= set(re.findall(r"^#?([A-Z_]+)=", example, flags=re.MULTILINE))
    for unit in UNITS:
        for line in re.findall(r"^Environment=(.*)$", unit.read_text(encoding="utf-8"), flags=re.MULTILINE):
            names |= {word.partition("=")[0] for word in shlex.split(line)}
    return names


def test_every_variable_is_explained() -> None:
    unknown = told() - OF_OTHERS - {"DJANGO_SETTINGS_MODULE"}

    assert sorted(name for name in unknown if f"| `{name}` " not in DOCS) == []


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_setting_can_be_given_to_a_service(name: str) -> None:
    """One that compose does not name is read from a file, or it would be ignored in silence."""
    assert SERVICES[name]["env_file"] == [{"path": "settings.env", "required": False}]
    assert {"EMAIL_URL", "EMAIL_FROM"} <= SERVICES[name]["environment"].keys(), "cases are told by mail"


def test_what_compose_cannot_do_without_is_asked_for_in_the_example() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    needed = set(re.findall(r"\$\{([A-Z_]+):\?", text))
    example = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8")

    assert needed >= {"SECRET_KEY", "SYNC_SECRETS_KEY", "POSTGRES_PASSWORD", "FLOWER_BASIC_AUTH"}
    assert sorted(name for name in needed if not re.search(rf"^{name}=$", example, flags=re.MULTILINE)) == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_runs_what_make_run_runs(unit: Path) -> None:
    [line] = re.findall(r"^ExecStart=(.*)$", unit.read_text(encoding="utf-8"), flags=re.MULTILINE)
    name = unit.stem.removeprefix("inventory-sync-").replace("worker@", "worker-standard")
    words = shlex.split(
        line.replace("%%h", "%h").replace("%i", "standard").replace("--pidfile=", "--pidfile ''")
    )

    assert without_places(words) == without_places(ours_of_make_run()[name])
