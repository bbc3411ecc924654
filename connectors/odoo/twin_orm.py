"""The twin's ORM as its modules use it: Env reads and changes rows inside one transaction and runs the hooks.

    @action("stock.picking", "button_validate")
    def button_validate(env, ids): ...

Rights and company rules are the wire's part (twin_rights): what an action does by itself it does unchecked,
as a module's own code does after its entry was allowed. Domains: twin_domain. Declarations: twin_model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from connectors.odoo import twin_domain
from connectors.odoo.twin_checks import check
from connectors.odoo.twin_errors import (
    OdooError,
    access_error,
    missing_error,
    type_error,
    user_error,
    validation_error,
    value_error,
)
from connectors.odoo.twin_model import (
    COMPUTED,
    HOOKS,
    INVERSES,
    MODELS,
    X2MANY,
    Field,
    Model,
    action,
    before_create,
    before_write,
    computed,
    constrains,
    extend,
    inverse,
    observes,
    on_create,
    on_delete,
    on_write,
)
from connectors.odoo.twin_store import Transaction
from connectors.odoo.twin_values import kept_value, missing_value, one_field

if TYPE_CHECKING:
    from connectors.odoo.twin_core import Database

__all__ = [
    "Env", "Field", "Model", "OdooError", "Row", "access_error", "action", "before_create", "before_write",
    "computed", "constrains", "extend", "inverse", "missing_error", "observes", "on_create", "on_delete",
    "on_write", "type_error", "user_error", "validation_error", "value_error",
]  # fmt: skip

SUPERUSER = 1
_OWN = frozenset(("id", "create_uid", "create_date", "write_uid", "write_date"))


class Row(dict[str, Any]):
    """The kept values of one record at the moment of reading; never write into it.

    What is not kept (one2many, computed, related, inherited fields) is worked out when asked for, and so
    tells the state of now.
    """

    __slots__ = ("env", "model")

    def __init__(self, env: Env, model: str, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.env, self.model = env, model

    def __missing__(self, name: str) -> Any:
        return self.env.value(self.model, self["id"], name)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self or name in self.env.fields(self.model) else default


class Env:
    """One call: a user, a context and one transaction. An OdooError takes everything back."""

    def __init__(
        self, db: Database, tx: Transaction, uid: int = SUPERUSER, context: dict[str, Any] | None = None
    ) -> None:
        self.db, self.tx, self.uid = db, tx, uid
        self.context: dict[str, Any] = dict(context or {})
        self.su = uid == SUPERUSER
        self.called = ""
        """The model the call names, for methods that every model has."""
        self.version = db.store.version
        self.now = tx.now
        """Naive UTC: when the transaction began. The same for all it writes."""

    # ── who and where ──

    @property
    def company_ids(self) -> list[int]:
        """The companies the call works in: the context's, or all of the user's."""
        given = self.context.get("allowed_company_ids")
        if given:
            return [int(one) for one in given]
        user = self.db.store.get("res.users", self.uid) or {}
        own = user.get("company_id")
        return sorted(user.get("company_ids") or [], key=lambda one: (one != own, one))

    @property
    def company_id(self) -> int:
        return (self.company_ids or [1])[0]

    def sudo(self) -> Env:
        return self._like(self.context, su=True)

    def with_context(self, **more: Any) -> Env:
        return self._like({**self.context, **more}, su=self.su)

    def _like(self, context: dict[str, Any], *, su: bool) -> Env:
        other = Env(self.db, self.tx, self.uid, context)
        other.su, other.called = su, self.called
        return other

    def stamp(self) -> str:
        """Return the wall clock as Odoo stores a datetime: whole seconds, later than `now`."""
        return self.db.wall_clock().strftime("%Y-%m-%d %H:%M:%S")

    def next_number(self, sequence: str) -> int:
        return self.db.store.next_number(sequence)

    # ── reading ──

    def model(self, name: str) -> Model:
        found = MODELS.get(name)
        if found is None or self.version not in found.versions:
            raise user_error(f"Object {name} doesn't exist")
        return found

    def fields(self, model: str) -> dict[str, Field]:
        return MODELS[model].of(self.version)

    def ids(
        self,
        model: str,
        domain: Iterable[Any] = (),
        *,
        order: str = "id",
        limit: int | None = None,
        offset: int = 0,
        active_test: bool | None = None,
    ) -> list[int]:
        if active_test is None:
            active_test = bool(self.context.get("active_test", True))
        found = twin_domain.search(self, model, list(domain), active_test=active_test)
        ordered = twin_domain.ordered(self, model, found, order)
        return ordered[offset : None if limit is None else offset + limit]

    def rows(
        self,
        model: str,
        domain: Iterable[Any] = (),
        *,
        order: str = "id",
        limit: int | None = None,
        active_test: bool | None = None,
    ) -> list[Row]:
        table = self.db.store.tables[model]
        found = self.ids(model, domain, order=order, limit=limit, active_test=active_test)
        return [Row(self, model, table[number]) for number in found]

    def row(self, model: str, number: int | None) -> Row | None:
        values = self.db.store.get(model, number) if number else None
        return None if values is None else Row(self, model, values)

    def need(self, model: str, number: int | None) -> Row:
        """Return a row that must be there."""
        row = self.row(model, number)
        if row is None:
            raise missing_error(f"{model}({number},)", self.uid)
        return row

    def browse(self, model: str, ids: Iterable[int]) -> list[Row]:
        return [row for number in ids if (row := self.row(model, number)) is not None]

    def value(self, model: str, number: int, path: str) -> Any:
        """Return one value; a dotted path goes through many2one fields, up to an empty one."""
        name, _, rest = path.partition(".")
        found = self.values(model, [number], name)[0]
        if not rest:
            return found
        comodel = one_field(self, model, name).comodel
        return None if not found else self.value(comodel, found, rest)

    def values(self, model: str, ids: Sequence[int], name: str) -> list[Any]:
        """Return one field of many records, in their order."""
        field = one_field(self, model, name)
        table = self.db.store.tables[model]
        if via := MODELS[model].parent_of(name, self.version):
            parents = [table[number][via] for number in ids]
            return self.values(MODELS[model].inherits[via], parents, name)
        if (model, name) in COMPUTED:
            found = COMPUTED[(model, name)](self, list(ids))
            return [found.get(number, field.empty) for number in ids]
        if field.related:
            return [self.value(model, number, field.related) for number in ids]
        if name == "display_name":
            rec_name = MODELS[model].rec_name
            if rec_name not in self.fields(model):
                return [f"{model},{number}" for number in ids]
            return [
                one or f"{model},{number}"
                for number, one in zip(ids, self.values(model, ids, rec_name), strict=True)
            ]
        if field.is_kept:
            return [table[number].get(name, field.empty) for number in ids]
        if field.type in X2MANY and field.inverse:
            return [self._lines(field, number) for number in ids]
        return [field.empty] * len(ids)

    def _named(self, model: str, ids: Sequence[int], rec_name: str) -> Iterator[tuple[int, Any]]:
        """Pair ids with what the record name says; a relation lends the name of what it points at."""
        values = self.values(model, ids, rec_name)
        if comodel := self.fields(model)[rec_name].comodel:
            values = [one and self.value(comodel, one, "display_name") for one in values]
        return zip(ids, values, strict=True)

    def _lines(self, field: Field, number: int) -> list[int]:
        found: Iterable[int] = self.db.store.index[(field.comodel, field.inverse)].get(number) or ()
        comodel = MODELS[field.comodel]
        if "active" in comodel.fields and self.context.get("active_test", True):
            table = self.db.store.tables[field.comodel]
            found = [one for one in found if table[one].get("active")]
        if comodel.order == "id":
            return sorted(found)
        return twin_domain.ordered(self, field.comodel, found, comodel.order)

    # ── changing ──

    def create(self, model: str, vals: dict[str, Any]) -> int:
        """Create one record with its sub-lines, run the hooks, return its id."""
        declared, vals = self.model(model), dict(vals)
        self._known(model, vals)
        for hook in HOOKS[("before_create", model)]:
            hook(self, vals)
        fields, parents = self.fields(model), {}
        for via, parent in declared.inherits.items():
            theirs = {name: vals[name] for name in vals if declared.parent_of(name, self.version) == via}
            if not vals.get(via):
                parents[via] = self.with_context(creates_child=model).create(parent, theirs)
            elif theirs:
                self.write(parent, [vals[via]], theirs)
        vals = {**vals, **parents}
        number = self.db.store.next_number(model)
        stamp = self.now.strftime("%Y-%m-%d %H:%M:%S.%f")
        row: dict[str, Any] = {}
        for name, field in fields.items():
            if field.model == model and field.is_kept:
                row[name] = kept_value(self, field, self._given(model, field, vals))
        row |= {
            "id": number, "create_uid": self.uid, "create_date": stamp,
            "write_uid": self.uid, "write_date": stamp,
        }  # fmt: skip
        for name, field in declared.fields.items():
            if field.required and field.is_kept and name in fields and row[name] in (None, ""):
                raise missing_value(self, declared, field)
        self.tx.put(model, number, row)
        for name, field in fields.items():
            if field.type == "one2many" and field.model == model:
                commands = vals[name] if name in vals else self.context.get(f"default_{name}")
                self._commands(field, number, commands or [])
        self._inverses(model, [number], vals)
        for hook in HOOKS[("on_create", model)]:
            hook(self, [number], vals)
        check(self, model, [number], None)
        for observer in HOOKS[("observes", "*")]:
            observer(self, "create", model, [number], vals, {})
        return number

    def write(self, model: str, ids: Sequence[int], vals: dict[str, Any]) -> None:
        """Write the same values to records; an empty `vals` only moves write_date."""
        declared, vals, table = self.model(model), dict(vals), self.db.store.tables[model]
        self._known(model, vals)
        for number in ids:
            if number not in table:
                raise missing_error(f"{model}({number},)", self.uid)
        for hook in HOOKS[("before_write", model)]:
            hook(self, list(ids), vals)
        fields = self.fields(model)
        kept, through = {}, defaultdict[str, dict[str, Any]](dict)
        for name, value in vals.items():
            if via := declared.parent_of(name, self.version):
                through[via][name] = value
            elif fields[name].is_kept and fields[name].type != "many2many" and name not in _OWN:
                kept[name] = kept_value(self, fields[name], value)
        stamp = self.now.strftime("%Y-%m-%d %H:%M:%S.%f")
        old = {number: table[number] for number in ids}
        for number in ids:
            row = {**table[number], **kept, "write_uid": self.uid, "write_date": stamp}
            for name, value in vals.items():
                if fields[name].type == "many2many" and fields[name].is_kept:
                    row[name] = kept_value(self, fields[name], value, row.get(name))
            self.tx.put(model, number, row)
            for name in vals:
                if fields[name].type == "one2many" and fields[name].model == model:
                    self._commands(fields[name], number, vals[name] or [])
        for via, theirs in through.items():
            self.write(declared.inherits[via], sorted({table[number][via] for number in ids}), theirs)
        self._inverses(model, ids, vals)
        for hook in HOOKS[("on_write", model)]:
            hook(self, list(ids), vals)
        check(self, model, ids, set(vals))
        for observer in HOOKS[("observes", "*")]:
            observer(self, "write", model, list(ids), vals, old)

    def delete(self, model: str, ids: Sequence[int]) -> None:
        for hook in HOOKS[("on_delete", model)]:
            hook(self, list(ids))
        for number in ids:
            for name, field in self._pointing_at(model):
                pointing = sorted(self.db.store.index[(field.model, name)].get(number) or ())
                if pointing and field.ondelete == "cascade":
                    self.delete(field.model, pointing)
                elif pointing and field.holds_back:
                    raise validation_error(
                        "The operation cannot be completed: another model requires the record being deleted."
                    )
                for one in pointing if field.ondelete != "cascade" else ():
                    row = self.db.store.tables[field.model][one]
                    left = (
                        [each for each in row[name] if each != number] if field.type == "many2many" else None
                    )
                    self.tx.put(field.model, one, {**row, name: left})
            self.tx.put(model, number, None)
        if model != "ir.model.data":  # external ids go with their record
            self.delete(
                "ir.model.data", self.ids("ir.model.data", [("model", "=", model), ("res_id", "in", ids)])
            )

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        with self.tx.savepoint():
            yield

    # ── parts of changing ──

    def _given(self, model: str, field: Field, vals: dict[str, Any]) -> Any:
        if field.name in vals:
            return vals[field.name]
        if (key := f"default_{field.name}") in self.context:
            return self.context[key]
        return field.default(self, vals) if callable(field.default) else field.default

    def _known(self, model: str, vals: dict[str, Any]) -> None:
        for name in vals:
            if name not in self.fields(model):
                where = f"on model '{model}'" if self.version == 18 else f"in '{model}'"
                raise value_error(f"Invalid field '{name}' {where}")

    def _inverses(self, model: str, ids: Sequence[int], vals: dict[str, Any]) -> None:
        for name, value in vals.items():
            if (model, name) in INVERSES:
                INVERSES[(model, name)](self, list(ids), value)

    def _commands(self, field: Field, number: int, commands: list[Any]) -> None:
        """Do what one2many commands say: create, update, delete, unlink, link, clear, replace."""
        for command in commands:
            code, target = int(command[0]), command[1] if len(command) > 1 else 0
            if code == 0:
                self.create(field.comodel, {**command[2], field.inverse: number})
            elif code == 1:
                self.write(field.comodel, [target], command[2])
            elif code in (2, 3):
                self.delete(field.comodel, [target])
            elif code == 4:
                self.write(field.comodel, [target], {field.inverse: number})
            elif code in (5, 6):
                wanted = list(command[2]) if code == 6 else []
                gone = [one for one in self._lines(field, number) if one not in wanted]
                self.delete(field.comodel, gone)
                self.write(field.comodel, wanted, {field.inverse: number})

    def _pointing_at(self, model: str) -> Iterator[tuple[str, Field]]:
        for other in MODELS.values():
            for name, field in other.fields.items():
                if field.comodel == model and field.is_kept and field.type in ("many2one", "many2many"):
                    yield name, field
