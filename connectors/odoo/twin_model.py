"""How the twin's models are declared: fields, computed values, hooks and public methods, per version.

A declaration only: rows live in twin_store, behaviour runs through Env (twin_orm). What a stock or a sales
module adds, it adds here by decorators when it is imported.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

BOTH = (18, 19)
X2MANY = ("one2many", "many2many")
TEXTS = ("char", "text", "html", "selection")
NUMBERS = ("integer", "float", "monetary")
Versions = tuple[int, ...]
FieldType = Literal[
    "char", "text", "html", "selection", "boolean", "integer", "float", "monetary", "date", "datetime",
    "many2one", "one2many", "many2many", "json",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `related` is a dotted path read through; a computed field names no storage.

    A one2many names its `inverse` on the comodel. A many2many is a list of ids on its owner; the far side
    names the owner's field as `inverse` and is read backwards.
    """

    type: FieldType
    comodel: str = ""
    inverse: str = ""
    required: bool = False
    default: Any = None
    """A value, or a function of (env, vals)."""
    selection: tuple[str, ...] = ()
    related: str = ""
    stored: bool = True
    index: bool = False
    ondelete: Literal["", "set null", "cascade", "restrict"] = ""
    """Nothing means that a required relation holds its target back and any other is emptied."""
    versions: Versions = BOTH
    label: str = ""
    name: str = ""
    model: str = ""
    """The model that declares it; an inherited field keeps its owner's."""

    @property
    def is_kept(self) -> bool:
        """Whether the row itself holds a value."""
        if not self.stored or self.related or self.type == "one2many":
            return False
        return not (self.type == "many2many" and self.inverse)

    @property
    def is_indexed(self) -> bool:
        return self.is_kept and (self.index or self.type in ("many2one", "many2many"))

    @property
    def holds_back(self) -> bool:
        """Whether the record it points at cannot be deleted."""
        return self.ondelete == "restrict" or (not self.ondelete and self.required)

    @property
    def empty(self) -> Any:
        if self.type in X2MANY:
            return []
        return {"boolean": False, "integer": 0, "float": 0.0, "monetary": 0.0}.get(self.type)


@dataclass(slots=True)
class Model:
    """One model. Declaring it registers it; `extend` adds fields later."""

    name: str
    label: str
    fields: dict[str, Field] = field(default_factory=dict)
    order: str = "id"
    rec_name: str = "name"
    inherits: dict[str, str] = field(default_factory=dict)
    """{many2one field: parent model}: what is not found here is read and written there."""
    uniques: tuple[tuple[tuple[str, ...], str], ...] = ()
    """((field names), message)."""
    company_field: str = "company_id"
    versions: Versions = BOTH
    transient: bool = False
    _by_version: dict[int, dict[str, Field]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, one in {**_MAGIC, **self.fields}.items():
            self.fields[name] = _named(one, name, self.name)
        if self.name in MODELS:
            raise ValueError(f"{self.name} is declared twice")
        MODELS[self.name] = self

    def of(self, version: int) -> dict[str, Field]:
        """Return the fields this version has, those of inherited parents included."""
        found = self._by_version.get(version)
        if found is None:
            found = {}
            for parent in self.inherits.values():
                for name, one in MODELS[parent].of(version).items():
                    if name not in _MAGIC:
                        found[name] = one
            found |= {name: one for name, one in self.fields.items() if version in one.versions}
            self._by_version[version] = found
        return found

    def parent_of(self, name: str, version: int) -> str:
        """Return the many2one through which an inherited field is reached, or nothing."""
        if name in self.fields or name in _MAGIC:
            return ""
        return next((via for via, parent in self.inherits.items() if name in MODELS[parent].of(version)), "")


@dataclass(frozen=True, slots=True)
class Action:
    """A method that may be called over the wire."""

    run: Callable[..., Any]
    on_records: bool
    reads: bool
    versions: Versions
    parameters: inspect.Signature


MODELS: dict[str, Model] = {}
ACTIONS: dict[tuple[str, str], Action] = {}
COMPUTED: dict[tuple[str, str], Callable[..., dict[int, Any]]] = {}
INVERSES: dict[tuple[str, str], Callable[..., None]] = {}
CHECKS: dict[str, list[tuple[tuple[str, ...], Callable[..., None]]]] = defaultdict(list)
HOOKS: dict[tuple[str, str], list[Callable[..., None]]] = defaultdict(list)
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def extend(model: str, fields: dict[str, Field]) -> None:
    """Add fields to a declared model, as a module does that inherits it."""
    known = MODELS[model]
    known.fields.update({name: _named(one, name, model) for name, one in fields.items()})
    for one in MODELS.values():
        one._by_version.clear()


def action(
    model: str, name: str, *, model_level: bool = False, reads: bool = False, versions: Versions = BOTH
) -> Decorator:
    """Make `def f(env, ids, **named)` callable over the wire; `f(env, **named)` with `model_level`.

    The names of its parameters are the argument names of the API. Model "*" serves every model.
    `reads` says that it changes nothing, so that faults for reads or writes find it.
    """

    def note(run: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(run)
        skipped = list(signature.parameters.values())[1 if model_level else 2 :]
        ACTIONS[(model, name)] = Action(run, not model_level, reads, versions, inspect.Signature(skipped))
        return run

    return note


def computed(model: str, *names: str) -> Decorator:
    """Compute fields: `def f(env, ids) -> {id: value}`; with several names, `f(env, ids, name)`."""

    def note(run: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            COMPUTED[(model, name)] = run if len(names) == 1 else _for_name(run, name)
        return run

    return note


def inverse(model: str, name: str) -> Decorator:
    """Say what writing a computed field does: `def f(env, ids, value)`."""

    def note(run: Callable[..., Any]) -> Callable[..., Any]:
        INVERSES[(model, name)] = run
        return run

    return note


def constrains(model: str, *names: str) -> Decorator:
    """Check records after a create or a write that names one of the fields: `def f(env, ids)`."""

    def note(run: Callable[..., Any]) -> Callable[..., Any]:
        CHECKS[model].append((names, run))
        return run

    return note


def _hook(moment: str) -> Callable[[str], Decorator]:
    def of_model(model: str) -> Decorator:
        def note(run: Callable[..., Any]) -> Callable[..., Any]:
            HOOKS[(moment, model)].append(run)
            return run

        return note

    return of_model


before_create = _hook("before_create")  # f(env, vals): may change vals
on_create = _hook("on_create")  # f(env, ids, vals): one record at a time, its lines are there
before_write = _hook("before_write")  # f(env, ids, vals): may change vals
on_write = _hook("on_write")  # f(env, ids, vals)
on_delete = _hook("on_delete")  # f(env, ids): before they go
observes = _hook("observes")  # model "*": f(env, event, model, ids, vals, old): after create or write


def _for_name(run: Callable[..., Any], name: str) -> Callable[..., dict[int, Any]]:
    def one(env: Any, ids: list[int]) -> dict[int, Any]:
        found: dict[int, Any] = run(env, ids, name)
        return found

    return one


def _named(one: Field, name: str, model: str) -> Field:
    values = {key: getattr(one, key) for key in Field.__dataclass_fields__}
    label = one.label or name.removesuffix("_ids").removesuffix("_id").replace("_", " ").capitalize()
    return Field(**{**values, "name": name, "model": model, "label": label})


_MAGIC: dict[str, Field] = {
    "id": Field("integer", label="ID"),
    "display_name": Field("char", stored=False),
    "create_uid": Field("many2one", "res.users", label="Created by"),
    "create_date": Field("datetime", label="Created on"),
    "write_uid": Field("many2one", "res.users", label="Last Updated by"),
    "write_date": Field("datetime", label="Last Updated on"),
}
