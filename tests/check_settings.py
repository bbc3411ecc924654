"""The platform's settings for tools that only look (mypy): what must be set is set to something."""

from __future__ import annotations

import os

for name in ("SECRET_KEY", "SYNC_SECRETS_KEY"):
    os.environ.setdefault(name, "only-for-looking")
os.environ.setdefault("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")

from inventory_sync.config.settings import *  # noqa: E402, F403
