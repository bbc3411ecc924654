"""What staff fill in for a connection, declared by the connector as a frozen dataclass.

The admin builds its form from `settings_of`; secrets are kept apart and encrypted. Does not read or store
anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import date
from typing import Any, Protocol, TypeVar, runtime_checkable

from inventory_sync.domain.errors import Misconfigured

T = TypeVar("T")


@runtime_checkable
class Expiring(Protocol):
    """A config that knows when its credentials end."""

    def expiries(self) -> Mapping[str, date]:
        """Return the last day of each credential that is needed, by what people call it."""


def expiries_of(config: object) -> Mapping[str, date]:
    """Return when the credentials of a config end; empty when nobody said."""
    return config.expiries() if isinstance(config, Expiring) else {}


def setting(
    label: str,
    *,
    help: str = "",  # noqa: A002 - the word of Django and argparse for the same thing
    secret: bool = False,
    choices: tuple[tuple[str, str], ...] = (),
    default: Any = MISSING,
) -> Any:
    """Declare one field of a connector's config; required without `default`; a secret stays out of repr."""
    metadata = {"label": label, "help": help, "secret": secret, "choices": choices}
    if default is MISSING:
        return field(metadata=metadata, repr=not secret)
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    label: str
    help: str
    secret: bool
    required: bool
    choices: tuple[tuple[str, str], ...]
    kind: str
    default: Any


def settings_of(config_type: type[Any]) -> list[Setting]:
    """Return the declared settings in order; `kind` is the annotation's name: str, int, bool, Decimal."""
    return [
        Setting(
            name=f.name,
            label=f.metadata.get("label", f.name),
            help=f.metadata.get("help", ""),
            secret=f.metadata.get("secret", False),
            required=f.default is MISSING,
            choices=f.metadata.get("choices", ()),
            kind=f.type if isinstance(f.type, str) else f.type.__name__,
            default=None if f.default is MISSING else f.default,
        )
        for f in fields(config_type)
    ]


def build(config_type: type[T], values: Mapping[str, Any]) -> T:
    """Return the config, or raise Misconfigured naming the first missing or unknown setting."""
    declared = {s.name: s for s in settings_of(config_type)}
    unknown = sorted(set(values) - set(declared))
    if unknown:
        raise Misconfigured(f"Unknown setting {unknown[0]!r}.")
    for name, declaration in declared.items():
        if declaration.required and values.get(name) in (None, ""):
            raise Misconfigured(f"Setting {declaration.label!r} ({name}) is missing.")
    return config_type(**{name: value for name, value in values.items() if value is not None})
