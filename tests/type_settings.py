"""The settings mypy reads models by: the platform's, and the app the benchmarks compare it with."""

from __future__ import annotations

from tests.check_settings import *  # noqa: F403
from tests.check_settings import INSTALLED_APPS as PLATFORM

INSTALLED_APPS = [*PLATFORM, "rest_framework.authtoken", "benchmarks.naive.shop"]
