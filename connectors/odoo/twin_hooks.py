"""Automation rules that send a webhook: one unsigned request per record and per write inside Odoo.

On 18 it goes out inside the transaction, so its receiver finds the state before it, and it has gone out even
if everything is taken back; on 19 after the commit. Either way one try of one second each, one after the
other, while the caller waits. What changes rows without a write (merges, deletions) is never told.
"""

from __future__ import annotations

import ast
import base64
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit
from weakref import WeakKeyDictionary

from connectors.base.twinkit import Answer, Doc, post
from connectors.odoo.twin_errors import SerializationFailure
from connectors.odoo.twin_orm import Env, Row, observes
from connectors.odoo.twin_store import Transaction

TIMEOUT_S = 1.0
KEPT = 5000


@dataclass(slots=True)
class Outbox:
    """What a twin sent to its receivers, newest last, and what came of it."""

    log: list[Doc] = field(default_factory=list)
    send: Callable[..., Answer] = post


_OUTBOXES: WeakKeyDictionary[Any, Outbox] = WeakKeyDictionary()


def outbox(db: Any) -> Outbox:
    """Return the outbox of one database."""
    return _OUTBOXES.setdefault(db, Outbox())


def add_rule(
    env: Env,
    *,
    model: str,
    url: str,
    fields: list[str],
    trigger_fields: list[str] | None = None,
    domain: list[Any] | None = None,
    trigger: str = "on_create_or_write",
    name: str = "",
) -> int:
    """Add a rule as a settings administrator does in the browser; return its id."""
    found = _model(env, model)
    rule = env.create(
        "base.automation",
        {
            "name": name or f"hook {model}", "model_id": found, "trigger": trigger,
            "trigger_field_ids": _fields(env, found, trigger_fields or ()),
            "filter_domain": repr(list(domain or ())),
        },
    )  # fmt: skip
    # 18 names the action by what it does, whatever it was called.
    called = "Send Webhook Notification" if env.version == 18 else name or f"hook {model}"
    env.create(
        "ir.actions.server",
        {
            "name": called, "model_id": found, "state": "webhook", "usage": "base_automation",
            "base_automation_id": rule, "webhook_url": url, "webhook_field_ids": _fields(env, found, fields),
        },
    )  # fmt: skip
    return rule


def announce_moves(env: Env, url: str, *, name: str = "Tell the hub") -> None:
    """Have finished moves told at an address, as the connector's README asks of Odoo's administrator.

    A rule there is already is pointed at the new address.
    """
    known = env.ids("base.automation", [("name", "=", name)])
    if known:
        actions = env.ids("ir.actions.server", [("base_automation_id", "in", known)])
        env.write("ir.actions.server", actions, {"webhook_url": url})
        return
    done = [("state", "=", "done")]
    add_rule(
        env,
        model="stock.move",
        url=url,
        fields=["product_id"],
        trigger_fields=["state"],
        domain=done,
        name=name,
    )


def _model(env: Env, name: str) -> int:
    known = env.ids("ir.model", [("model", "=", name)])
    return known[0] if known else env.create("ir.model", {"model": name, "name": env.model(name).label})


def _fields(env: Env, model: int, names: Sequence[str]) -> list[int]:
    found = []
    for name in names:
        known = env.ids("ir.model.fields", [("model_id", "=", model), ("name", "=", name)])
        field = env.fields(env.value("ir.model", model, "model"))[name]
        vals = {"model_id": model, "model": field.model, "name": name, "ttype": field.type}
        found.append(known[0] if known else env.create("ir.model.fields", vals))
    return found


@observes("*")
def notify(env: Env, event: str, model: str, ids: list[int], vals: Doc, old: dict[int, Doc]) -> None:
    """Tell of each record that a rule watches, in the state it has now."""
    for rule in list(env.db.store.tables["base.automation"].values()):
        if not rule["active"] or rule["trigger"] not in ("on_create_or_write", f"on_{event}"):
            continue
        if env.value("base.automation", rule["id"], "model_name") != model:
            continue
        watched = env.values("ir.model.fields", rule["trigger_field_ids"], "name")
        if event == "write" and watched:
            changed = [one for one in ids if _changed(env.db.store.get(model, one), old[one], vals, watched)]
        else:
            changed = ids
        for number in _fitting(env, rule, model, changed):
            for action in env.rows("ir.actions.server", [("base_automation_id", "=", rule["id"])]):
                if action["state"] == "webhook":
                    _tell(env, action, model, number)


def _changed(new: Doc | None, old: Doc, vals: Doc, watched: Sequence[str]) -> bool:
    """Whether a watched field has another value; of one that no row keeps, whether it was told as new."""
    if new is None:
        return False
    return any(new[name] != old.get(name) if name in new else name in vals for name in watched)


def _fitting(env: Env, rule: Doc, model: str, ids: list[int]) -> list[int]:
    domain = [("id", "in", ids), *ast.literal_eval(rule["filter_domain"] or "[]")]
    return env.ids(model, domain, active_test=False) if ids else []


def _tell(env: Env, action: Row, model: str, number: int) -> None:
    body = _body(env, action, model, number)
    url, db = str(action["webhook_url"]), env.db
    if env.version == 18:
        _aside(env.tx, lambda: _send(db, url, body, inside=True))
    else:
        env.tx.after_commit.append(lambda: _send(db, url, body, inside=False))


def _body(env: Env, action: Row, model: str, number: int) -> bytes:
    """Return the body with the values of this moment: bare ids, false for null, sorted names."""
    document: Doc = {"_action": f"{action['name']}(#{action['id']})", "_id": number, "_model": model}
    document["id"] = number
    for name in env.values("ir.model.fields", action["webhook_field_ids"], "name"):
        value = env.value(model, number, name)
        kind = env.fields(model)[name].type
        document[name] = False if value is None and kind != "boolean" else value
    return json.dumps(document, sort_keys=True).encode()


def _send(db: Any, url: str, body: bytes, *, inside: bool) -> None:
    """Post once. What becomes of it is a line in the log, nothing else."""
    parts = urlsplit(url)
    headers = [
        ("User-Agent", "python-requests/2.31.0"), ("Accept-Encoding", "gzip, deflate"), ("Accept", "*/*"),
        ("Connection", "keep-alive"), ("Content-Type", "application/json"),
    ]  # fmt: skip
    if parts.username is not None:
        known = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers.append(("Authorization", f"Basic {base64.b64encode(known.encode()).decode()}"))
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    box = outbox(db)
    answer = box.send(bare, headers, body, timeout_s=TIMEOUT_S)
    box.log.append(
        {
            "url": url, "body": json.loads(body), "status": answer.status, "error": answer.error,
            "inside": inside,
        }
    )  # fmt: skip
    del box.log[:-KEPT]


def _aside(tx: Transaction, run: Callable[[], None]) -> None:
    """Run something while everybody else sees, and may change, the state before this transaction.

    Whoever changed a row of ours meanwhile has won: the transaction ends in a serialisation failure.
    """
    store, before, ended = tx.store, tx.all_before(), threading.Event()
    ours = {key: store.get(*key) for key in before}
    turn = threading.Condition(store.lock)

    def work() -> None:
        try:
            run()
        finally:
            with turn:
                ended.set()
                turn.notify_all()

    for key, row in before.items():
        store.put(*key, row)
    threading.Thread(target=work, daemon=True, name="odoo-twin-webhook").start()
    turn.wait_for(ended.is_set)
    if any(store.get(*key) is not row for key, row in before.items()):
        tx.forget()
        raise SerializationFailure
    for key, row in ours.items():
        store.put(*key, row)
