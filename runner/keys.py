"""Passwords and keys of one installation: made at the first start, kept 0600, never on a command line."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from runner.processes import Trouble


def _password() -> str:
    return secrets.token_urlsafe(18)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _signing_secret() -> str:
    """Return a Standard Webhooks secret."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


RECIPES: Mapping[str, Callable[[], str]] = {
    "POSTGRES_PASSWORD": _password,
    "BROKER_PASSWORD": _password,
    "SECRET_KEY": lambda: secrets.token_urlsafe(50),
    "SYNC_SECRETS_KEY": _fernet_key,
    "ADMIN_PASSWORD": lambda: secrets.token_urlsafe(9),
    "FLOWER_PASSWORD": lambda: secrets.token_urlsafe(9),
    "WOO_TWIN_KEY": lambda: "ck_" + secrets.token_hex(20),
    "WOO_TWIN_SECRET": lambda: "cs_" + secrets.token_hex(20),
    "TILL_TWIN_SECRET": _signing_secret,
    "TILL_TWIN_TOKEN": _password,
    "ODOO_TWIN_KEY": lambda: secrets.token_hex(20),
    "ODOO_TWIN_HOOK_TOKEN": lambda: secrets.token_urlsafe(32),
}


def make() -> dict[str, str]:
    """Return a fresh set."""
    return {name: recipe() for name, recipe in RECIPES.items()}


def load(path: Path) -> dict[str, str]:
    """Return the keys kept at `path`, making those that are missing.

    Raises Trouble when the file cannot be read as what we wrote.
    """
    kept: dict[str, str] = {}
    if path.exists():
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Trouble(f"{path} holds this installation's keys and cannot be read: {error}") from error
    missing = {name: recipe() for name, recipe in RECIPES.items() if name not in kept}
    if missing:
        write_private(path, json.dumps(kept | missing, indent=1))
    return kept | missing


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
