"""What the tests of this room share."""

from __future__ import annotations

import pytest
from django.conf import LazySettings

from tests.workflows.retailer import CONNECTORS, Retailer


@pytest.fixture
def connectors(settings: LazySettings) -> None:
    settings.CONNECTORS = {**settings.CONNECTORS, **CONNECTORS}


@pytest.fixture
def retailer(db: None, connectors: None) -> Retailer:
    retailer = Retailer()
    retailer.item("MUG", mapped="product:1")
    retailer.item("CUP", mapped="product:2")
    retailer.books("MUG", 100)
    retailer.books("CUP", 100)
    return retailer
