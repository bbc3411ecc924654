"""Typed readers of environment variables that fail loudly, at start and by name.

Any variable NAME may instead be given as NAME_FILE, the path of a file that holds it (for secrets).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

Parsed = TypeVar("Parsed")


class BadEnvironment(Exception):
    """A variable is missing or unreadable; the message names it and what was expected."""


def text(name: str, default: str | None = None) -> str:
    """Return the variable, or the content of the file that NAME_FILE names, or `default`."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise BadEnvironment(f"{name}_FILE names {path!r}, which cannot be read: {error}") from error
    value = os.environ.get(name)
    if value is not None and value != "":
        return value
    if default is None:
        raise BadEnvironment(f"{name} is not set. See docs/settings.md.")
    return default


def integer(name: str, default: int, *, low: int | None = None, high: int | None = None) -> int:
    raw = text(name, str(default))
    try:
        value = int(raw)
    except ValueError as error:
        raise BadEnvironment(f"{name} is {raw!r}; a whole number is expected.") from error
    if (low is not None and value < low) or (high is not None and value > high):
        raise BadEnvironment(f"{name} is {value}; expected {low} to {high}.")
    return value


def flag(name: str, default: bool) -> bool:
    raw = text(name, "1" if default else "0").lower()
    if raw in ("1", "true", "yes", "on"):
        return True
    if raw in ("0", "false", "no", "off"):
        return False
    raise BadEnvironment(f"{name} is {raw!r}; expected 1 or 0.")


def choice(name: str, default: str, allowed: Sequence[str]) -> str:
    """Return one of the words allowed, or refuse to start with a sentence that names them."""
    value = text(name, default)
    if value not in allowed:
        raise BadEnvironment(f"{name} is {value!r}; expected one of {', '.join(allowed)}.")
    return value


def parsed(name: str, default: str, read: Callable[[Sequence[str]], Parsed]) -> Parsed:
    """Return what `read` makes of a comma-separated variable; its ValueError refuses to start."""
    try:
        return read(listing(name, default))
    except ValueError as error:
        raise BadEnvironment(f"{name}: {error}") from error


def listing(name: str, default: str = "") -> list[str]:
    """Return a comma-separated variable as a list without empty parts."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def mail_server(url: str) -> tuple[str, int, str, str, bool, bool]:
    """Return host, port, user, password, and whether TLS is spoken from the start or begun in the talk.

    smtps:// speaks TLS at once (465), smtp:// begins it (587); smtp+plain:// (25) never does, for a server on
    this machine. An empty address is no server at all.
    """
    if not url:
        return "", 25, "", "", False, False
    parts = urlsplit(url)
    ports = {"smtps": 465, "smtp": 587, "smtp+plain": 25}
    if parts.scheme not in ports or not parts.hostname:
        raise BadEnvironment("EMAIL_URL must read smtps://user:password@host:port, smtp:// or smtp+plain://.")
    return (
        parts.hostname,
        parts.port or ports[parts.scheme],
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        parts.scheme == "smtps",
        parts.scheme == "smtp",
    )


def database(name: str, default: str | None = None) -> dict[str, object]:
    """Return Django's settings for a `postgresql://user:password@host:port/name` address.

    A host given as `?host=/directory` names a socket directory, as libpq has it.
    """
    url = urlsplit(text(name, default))
    if url.scheme not in ("postgresql", "postgres"):
        raise BadEnvironment(
            f"{name} must start with postgresql://; only PostgreSQL 17 or later is supported."
        )
    query = dict(part.split("=", 1) for part in url.query.split("&") if "=" in part)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.lstrip("/")) or "postgres",
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": unquote(query.get("host", url.hostname or "")),
        "PORT": str(url.port or query.get("port", "")),
    }
