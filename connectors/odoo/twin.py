"""The Odoo twin: one server with one database, 18 or 19, that speaks Odoo's wire contract with its own books.

In a test: `with OdooTwin(version=19).serving() as twin: twin.url`. As a process: `python -m
connectors.odoo.twin --version 18 --port 9118`. Imports nothing of the connector and nothing of the platform.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from connectors.base.twinkit import (
    Books,
    Doc,
    FaultDoor,
    Faults,
    Request,
    Response,
    Twin,
    TwinClock,
    run_until_signalled,
)
from connectors.odoo import (  # noqa: F401 (importing a module of the twin is installing it)
    twin_counts,
    twin_goods,
    twin_groups,
    twin_hooks,
    twin_load,
    twin_lots,
    twin_methods,
    twin_move_hooks,
    twin_move_lines,
    twin_moves,
    twin_pickings,
    twin_places,
    twin_pos,
    twin_purchase,
    twin_quants,
    twin_returns,
    twin_sales,
    twin_schema,
    twin_schema_stock,
    twin_schema_trade,
    twin_scrap,
    twin_seed,
)
from connectors.odoo.twin_calls import Caller, WorkerKilled, action_of, reads
from connectors.odoo.twin_control import Control
from connectors.odoo.twin_core import Database
from connectors.odoo.twin_hooks import announce_moves
from connectors.odoo.twin_json2 import PATH, Json2
from connectors.odoo.twin_orm import SUPERUSER, Env
from connectors.odoo.twin_rpc import Rpc
from connectors.odoo.twin_timings import Workers
from connectors.odoo.twin_users import add_key, add_user
from connectors.odoo.twin_wire import page

DATABASE, LOGIN = "odoo", "syncbot"
KEY = "5ca1ab1e0ddba11c0ffee0facade0decade0f00d"
SYNC_GROUPS = (
    "stock.group_stock_manager", "sales_team.group_sale_salesman_all_leads", "purchase.group_purchase_user",
    "point_of_sale.group_pos_user", "base.group_partner_manager", "stock.group_stock_multi_locations",
    "stock.group_production_lot", "uom.group_uom",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen(Request):
    """A request as the fault door sees it: reads as GET, writes as POST, the path names model and method."""

    real: Request | None = None


class OdooTwin(Twin):
    """An Odoo server. `path` keeps its books on disk; `timings` makes calls cost what they cost in Odoo.

    `absent` are models of apps that are not installed, mrp.bom say. Besides the faults of the twin kit it
    knows `serialization_failure`, `lock_wait`, `worker_killed`, `slow_commit`, `restart` and `key_expired`;
    `path` of a fault is part of `/<model>/<method>`, and `only` tells reads from writes by the method.
    """

    def __init__(
        self,
        *,
        version: int = 19,
        path: Path | None = None,
        now: Callable[[], datetime] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        seed: int = 0,
        database: str = DATABASE,
        key: str = KEY,
        timings: bool = False,
        absent: Sequence[str] = (),
        keep_requests: int = 5000,
    ) -> None:
        super().__init__()
        self.version, self.database, self.key, self.sleep = version, database, key, sleep
        self.clock, self.faults = TwinClock(now), Faults(seed)
        self.books = Books(None if path is None else path)
        self.db = Database(version, self.clock, self.books, name=database, absent=absent)
        if not self.db.store.tables["res.company"]:
            with self.env() as env:
                twin_seed.found(env)
                add_key(env, self._sync_user(env), "inventory sync", days=90, key=key)
        workers = Workers(version, sleep) if timings else None
        self.caller = Caller(self.db, self.faults, sleep, workers)
        self.rpc, self.json2 = Rpc(self.caller), Json2(self.caller)
        self.door = FaultDoor(self.faults, self._vendor, self.clock.now, sleep)
        self.control = Control(self)
        self.requests: list[Doc] = []
        self._keep_requests = keep_requests
        self._away_until: datetime | None = None

    # ── acts ──

    def env(self, uid: int = SUPERUSER, **context: Any) -> AbstractContextManager[Env]:
        """Open a transaction as somebody; without a name, as the server itself."""
        return self.db.transaction(uid, context)

    def call(
        self, model: str, method: str, ids: Sequence[int] = (), *, uid: int | None = None, **named: Any
    ) -> Any:
        """Call a method as the sync user would, without a wire; `context` may be among the names."""
        context = named.pop("context", {})
        action = action_of(self.db, model, method)
        with self.env(self.uid if uid is None else uid, **context) as env:
            env.called = model
            return action.run(env, *([list(ids)] if action.on_records else []), **named)

    @property
    def uid(self) -> int:
        """The sync user's id."""
        with self.db.store.lock:
            users = self.db.store.tables["res.users"].values()
            return next(int(row["id"]) for row in users if row["login"] == LOGIN)

    def restart(self, seconds: float) -> None:
        """Be away for a while: a proxy in front answers 503."""
        self._away_until = self.clock.now() + timedelta(seconds=seconds)

    def tick(self) -> None:
        self.door.land_due()

    def close(self) -> None:
        self.books.close()

    def _sync_user(self, env: Env) -> int:
        return add_user(env, LOGIN, SYNC_GROUPS, [1], email="sync@example.com")

    # ── requests ──

    def answer(self, request: Request) -> Response:
        if request.path.startswith("/_twin/"):
            return self.control.answer(request)
        model, method = _target(request)
        only_reads = reads(self.version, model, method)
        self.requests.append({"time": self.clock.now().isoformat(), "path": request.path, "model": model,
                              "method": method, "reads": only_reads})  # fmt: skip
        del self.requests[: -self._keep_requests]
        if fault := self.faults.take("restart"):
            self.restart(fault.seconds)
        if self._away_until is not None and self.clock.now() < self._away_until:
            return page(503, "Service Temporarily Unavailable", "nginx")
        seen = Seen(
            "GET" if only_reads else "POST", f"/{model}/{method}",
            sha256(request.body).hexdigest() if only_reads else "", request.headers, request.body, request,
        )  # fmt: skip
        return self.door(seen)

    def _vendor(self, seen: Request) -> Response:
        request = (seen.real if isinstance(seen, Seen) else None) or seen
        try:
            return self._route(request)
        except WorkerKilled:
            return Response(0, hang_up=True)

    def _route(self, request: Request) -> Response:
        if request.path == "/jsonrpc":
            return self.rpc.answer_jsonrpc(request)
        if request.path in ("/xmlrpc/2/common", "/xmlrpc/2/object"):
            return self.rpc.answer_xmlrpc(request)
        if self.version >= 19 and request.path.startswith("/json/2"):
            return self.json2.answer(request)
        return page(404, "Not Found", "The requested URL was not found on the server.")


def _target(request: Request) -> tuple[str, str]:
    """Return the model and method a request is about, or the service's name where there is no model."""
    if found := PATH.fullmatch(request.path):
        return found.group(1), found.group(2)
    try:
        if request.path == "/jsonrpc":
            params = json.loads(request.body)["params"]
            args, service = params["args"], params["service"]
        elif not request.path.startswith("/xmlrpc/"):
            return "", ""
        else:
            args, service = list(xmlrpc.client.loads(request.body)[0]), request.path.rsplit("/", 1)[1]
        return (str(args[3]), str(args[4])) if service == "object" else (service, "authenticate")
    except (ValueError, KeyError, TypeError, IndexError, xmlrpc.client.Error, ExpatError):
        return "", ""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m connectors.odoo.twin", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--version", type=int, choices=(18, 19), default=19)
    parser.add_argument("--state-dir", type=Path)
    parser.add_argument("--database", default=DATABASE)
    parser.add_argument("--key", default=os.environ.get("ODOO_TWIN_KEY", KEY))
    parser.add_argument("--seed-file", type=Path, help="goods, places and people to begin with")
    parser.add_argument("--hook-url", default="", help="where finished moves are told; the token is added")
    parser.add_argument("--hook-token", default=os.environ.get("ODOO_TWIN_HOOK_TOKEN", ""))
    parser.add_argument("--timings", action="store_true", help="calls cost what they cost in a real server")
    parser.add_argument("--random-seed", type=int, default=0)
    options = parser.parse_args(argv)
    path = None if options.state_dir is None else options.state_dir / f"odoo{options.version}.sqlite3"
    twin = OdooTwin(
        version=options.version, path=path, database=options.database, key=options.key,
        timings=options.timings, seed=options.random_seed,
    )  # fmt: skip
    if options.seed_file is not None:
        twin.control.seed(json.loads(options.seed_file.read_text(encoding="utf-8")))
    if options.hook_url:
        with twin.env() as env:
            announce_moves(env, f"{options.hook_url.rstrip('/')}/{options.hook_token}/")
    return run_until_signalled(twin, name=f"odoo {options.version}", host=options.host, port=options.port)


if __name__ == "__main__":
    sys.exit(main())
