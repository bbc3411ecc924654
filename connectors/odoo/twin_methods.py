"""The methods every model has: search, read, web_read, create, write, unlink and what tells about fields."""

from __future__ import annotations

from typing import Any

from connectors.odoo import twin_read, twin_rights
from connectors.odoo.twin_model import COMPUTED, MODELS
from connectors.odoo.twin_orm import Env, action, user_error
from connectors.odoo.twin_users import groups_of
from connectors.odoo.twin_values import one_field

Doc = dict[str, Any]
CLASSIC = "_classic_read"


def _search(env: Env, domain: Any, offset: int, limit: int | None, order: str | None) -> list[int]:
    model = env.called
    given = [*(domain or []), *twin_rights.rule(env, model)]
    return env.ids(model, given, order=order or MODELS[model].order, limit=limit or None, offset=offset)


@action("*", "search", model_level=True, reads=True)
def search(
    env: Env, domain: list[Any], offset: int = 0, limit: int | None = None, order: str | None = None
) -> list[int]:
    return _search(env, domain, offset, limit, order)


@action("*", "search_count", model_level=True, reads=True)
def search_count(env: Env, domain: list[Any], limit: int | None = None) -> int:
    return len(_search(env, domain, 0, limit, "id"))


@action("*", "search_read", model_level=True, reads=True)
def search_read(
    env: Env, domain: Any = None, fields: list[str] | None = None, offset: int = 0, limit: int | None = None,
    order: str | None = None, load: str | None = CLASSIC,
) -> list[Doc]:  # fmt: skip
    for name in fields or ():
        one_field(env, env.called, name)
    ids = _search(env, domain, offset, limit, order)
    reading = env.with_context(
        active_test=True
    )  # it was meant for the search, not for the lines of what is found
    return twin_read.records(reading, env.called, ids, fields, labels=load == CLASSIC)


@action("*", "read", reads=True)
def read(env: Env, ids: list[int], fields: list[str] | None = None, load: str | None = CLASSIC) -> list[Doc]:
    model = env.called
    there = env.db.store.tables[model]
    found = [number for number in ids if number in there]
    return twin_read.records(env, model, found, fields, labels=load == CLASSIC)


@action("*", "web_read", reads=True)
def web_read(env: Env, ids: list[int], specification: Doc) -> list[Doc]:
    return twin_read.nested(env, env.called, ids, specification)


@action("*", "web_search_read", model_level=True, reads=True)
def web_search_read(
    env: Env, domain: list[Any], specification: Doc, offset: int = 0, limit: int | None = None,
    order: str | None = None, count_limit: int | None = None,
) -> Doc:  # fmt: skip
    found = _search(env, domain, 0, None, order)
    page = found[offset : None if not limit else offset + limit]
    length = len(found) if count_limit is None else min(len(found), count_limit)
    length = length if page else 0  # a page behind the last one says that there is nothing at all
    return {"length": length, "records": twin_read.nested(env, env.called, page, specification)}


@action("*", "create", model_level=True)
def create(env: Env, vals_list: Any) -> Any:
    """Create one or many. A single dict answers one id on 18."""
    model = env.called
    if isinstance(vals_list, dict):
        number = env.create(model, vals_list)
        return number if env.version == 18 else [number]
    return [env.create(model, vals) for vals in vals_list]


@action("*", "write")
def write(env: Env, ids: list[int], vals: Doc) -> bool:
    env.write(env.called, ids, vals)
    return True


@action("*", "unlink")
def unlink(env: Env, ids: list[int]) -> bool:
    env.delete(env.called, [number for number in ids if number in env.db.store.tables[env.called]])
    return True


@action("*", "action_archive")
def action_archive(env: Env, ids: list[int]) -> None:
    env.write(env.called, ids, {"active": False})


@action("*", "action_unarchive")
def action_unarchive(env: Env, ids: list[int]) -> None:
    env.write(env.called, ids, {"active": True})


def _name_search(env: Env, name: str, domain: Any, operator: str, limit: int | None) -> list[list[Any]]:
    wanted = [*(domain or []), *([("display_name", operator, name)] if name else [])]
    ids = _search(env, wanted, 0, limit, None)
    return [[one, label] for one, label in twin_read.labels_of(env, env.called, ids).items()]


@action("*", "name_search", model_level=True, reads=True, versions=(18,))
def name_search_18(
    env: Env, name: str = "", args: Any = None, operator: str = "ilike", limit: int | None = 100
) -> list[list[Any]]:
    return _name_search(env, name, args, operator, limit)


@action("*", "name_search", model_level=True, reads=True, versions=(19,))
def name_search_19(
    env: Env, name: str = "", domain: Any = None, operator: str = "ilike", limit: int | None = 100
) -> list[list[Any]]:
    return _name_search(env, name, domain, operator, limit)


@action("*", "fields_get", model_level=True, reads=True)
def fields_get(
    env: Env, allfields: list[str] | None = None, attributes: list[str] | None = None
) -> dict[str, Doc]:
    found: dict[str, Doc] = {}
    model = env.called
    for name, field in env.fields(model).items():
        if (allfields and name not in allfields) or field.comodel in env.db.absent:
            continue
        computed = (model, name) in COMPUTED or bool(field.related)
        kept = not computed and field.type != "one2many" and name != "display_name"
        about: Doc = {
            "type": field.type, "string": field.label, "name": name, "required": field.required,
            "readonly": computed, "store": kept, "searchable": True, "sortable": kept,
        }  # fmt: skip
        if field.comodel:
            about |= {"relation": field.comodel, "domain": [], "context": {}}
        if field.type == "one2many":
            about["relation_field"] = field.inverse
        if field.selection:
            about["selection"] = [[one, one.replace("_", " ").capitalize()] for one in field.selection]
        found[name] = {key: about[key] for key in attributes if key in about} if attributes else about
    return found


@action("*", "default_get", model_level=True, reads=True)
def default_get(env: Env, fields_list: list[str] | None = None) -> Doc:
    found: Doc = {}
    for name, field in env.fields(env.called).items():
        default = env.context.get(f"default_{name}", field.default)
        if (not fields_list or name in fields_list) and default is not None:
            found[name] = default(env, {}) if callable(default) else default
    return found


@action("*", "get_external_id", reads=True)
def get_external_id(env: Env, ids: list[int]) -> dict[str, str]:
    found = dict.fromkeys((str(number) for number in ids), "")
    domain = [("model", "=", env.called), ("res_id", "in", ids)]
    for row in reversed(env.rows("ir.model.data", domain)):
        found[str(row["res_id"])] = f"{row['module']}.{row['name']}"
    return found


@action("*", "get_metadata", reads=True)
def get_metadata(env: Env, ids: list[int]) -> list[Doc]:
    names = ["create_uid", "create_date", "write_uid", "write_date"]
    found = twin_read.records(env, env.called, ids, names)
    known = get_external_id(env, ids)
    return [{**row, "xmlid": known[str(row["id"])] or False, "noupdate": False} for row in found]


@action("*", "has_access", reads=True)
def has_access(env: Env, ids: list[int], operation: twin_rights.Operation) -> bool:
    return twin_rights.may(env, env.called, operation)


@action("*", "check_access_rights", model_level=True, reads=True, versions=(18,))
def check_access_rights(env: Env, operation: twin_rights.Operation, raise_exception: bool = True) -> bool:
    if raise_exception:
        twin_rights.check(env, env.called, operation)
    return twin_rights.may(env, env.called, operation)


@action("res.users", "context_get", model_level=True, reads=True)
def context_get(env: Env) -> Doc:
    user = env.need("res.users", env.uid)
    found: Doc = {"lang": user["lang"], "tz": user["tz"] or False}
    return {**found, "uid": env.uid}


@action("res.users", "has_group", reads=True)
def has_group(env: Env, ids: list[int], group_ext_id: str) -> bool:
    return group_ext_id in groups_of(env, ids[0] if ids else env.uid)


@action("ir.model.data", "check_object_reference", model_level=True, reads=True)
def check_object_reference(
    env: Env, module: str, xml_id: str, raise_on_access_error: bool = False
) -> list[Any]:
    domain = [("module", "=", module), ("name", "=", xml_id)]
    for row in env.rows("ir.model.data", domain):
        return [row["model"], row["res_id"]]
    raise user_error(f"External ID not found in the system: {module}.{xml_id}")
