"""One connector, one folder, the same files."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.conf import settings

from tests.house.source import ROOT, assert_none, tracked

FILES = {
    "__init__.py": "says which vendor it is",
    "connector.py": "declares code, label and capabilities; wires the rest",
    "config.py": "what staff fill in, and which of it is secret",
    "webhooks.py": "verifies the signature and names the delivery; bytes in, no I/O",
    "translate.py": "pure: payload to external events",
    "client.py": "HTTP only; maps failures to our errors",
    "schemas.py": "the fields we read, with their source",
    "README.md": "scopes, limits, quirks, how to get test payloads",
}
FOLDERS = sorted(
    {name.split("/")[1] for name in tracked() if name.startswith("connectors/") and name.count("/") > 1}
    - {"base"}
)


def test_every_folder_is_named_in_the_settings_and_the_reverse():
    paths = {f"connectors.{folder}.connector" for folder in FOLDERS}

    assert set(settings.CONNECTORS.values()) == paths
    assert set(settings.CONNECTORS) == set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_connector_has_its_files(folder: str):
    base = ROOT / "connectors" / folder
    assert_none(
        f"connectors/{folder}/{name} is missing: it {what}."
        for name, what in FILES.items()
        if not (base / name).is_file()
    )
    assert list(base.glob("twin*")), f"connectors/{folder} has no twin.py: the independent witness."


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_connector_passes_the_contract_suite(folder: str):
    """The suite's own tests run elsewhere; here it is seen that they are bound to this connector."""
    tests = [ROOT / name for name in tracked() if name.startswith(f"tests/connectors/{folder}/")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in tests if path.suffix == ".py")

    assert "connectors.base.contract" in text, f"tests/connectors/{folder} does not run the contract suite."


@pytest.mark.parametrize("folder", FOLDERS)
def test_recorded_payloads_say_where_they_were_captured(folder: str):
    payloads = ROOT / "tests" / "connectors" / folder / "payloads"
    if payloads.is_dir():
        assert (payloads / "README.md").is_file(), f"{payloads.name}/README.md is missing for {folder}."


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_typed_dict_of_the_wire_names_its_source(folder: str):
    path = Path("connectors") / folder / "schemas.py"
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))

    told = (ast.get_docstring(tree) or "").lower()

    assert "source" in told or "contract" in told, f"{path}:1: say where the fields are documented."
