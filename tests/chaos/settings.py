"""The walks' settings with a till whose messages can kill the process that reads them."""

from tests.walks.settings import *  # noqa: F403 - a settings module is its names
from tests.walks.settings import CONNECTORS as QUICK

CONNECTORS = {**QUICK, "till": "tests.chaos.poisoned_till"}
