"""Every connector folder keeps the contract; a folder without a case fails here."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

import connectors
from connectors.base.contract import ConnectorContract, ContractCase

FOLDERS = sorted(path.parent.name for path in Path(connectors.__path__[0]).glob("*/connector.py"))


def test_the_connectors_are_found() -> None:
    assert {"till", "woocommerce"} <= set(FOLDERS)


@pytest.fixture(params=FOLDERS)
def case(request: pytest.FixtureRequest) -> ContractCase:
    found = import_module(f"tests.connectors.{request.param}.contract_case").CASE
    assert isinstance(found, ContractCase)
    return found


class TestContract(ConnectorContract):
    """The suite itself lives in connectors/base/contract.py."""
