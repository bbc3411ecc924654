"""The platform of the walks: real PostgreSQL, broker, web, dispatcher and workers, and twins to trade with.

Processes are those of runner.landscape, with its command lines; the twins live in the test's own process,
so that a walk reads their books directly. Every wait is bounded, and says what the logs ended with.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from celery import Celery
from django.db import connection, connections
from django.db.models import Sum
from django.utils import timezone

from connectors.till.twin import SECRET as TILL_SECRET
from connectors.till.twin import TOKEN as TILL_TOKEN
from connectors.till.twin import TillTwin
from connectors.woocommerce.twin import WooTwin
from inventory_sync.catalog.models import Location
from inventory_sync.connections.models import Cursor
from inventory_sync.intake.models import Delivery, ReadDue
from inventory_sync.ledger.models import Movement, StockLevel
from inventory_sync.ledger.selectors import any_dirty
from inventory_sync.pipeline.wake import Waker
from inventory_sync.propagation.models import Listing
from runner.children import Child
from runner.embedded import Services
from runner.landscape import ROOT, Landscape, Ports
from runner.processes import descendants_of, launched, process
from runner.servers import free_port
from tests.walks import retailer, witness

PATIENCE_S = 30.0
FAST = {
    "DJANGO_SETTINGS_MODULE": "tests.walks.settings",
    "SYNC_DISPATCH_EVERY_MS": "300",
    "SYNC_INTAKE_LEASE_S": "4",
    "SYNC_PUSH_LEASE_S": "8",
    "SYNC_CANARY_EVERY_S": "2",
    "SYNC_DRAIN_SECONDS": "3",
    "SYNC_SWEEP_SCALE_PERCENT": "20",
}
READY = {"web": "", "dispatcher": "dispatcher.leads", "worker-critical": " ready", "worker-bulk": " ready"}
WORKERS = {"worker-critical": ("critical,standard", 2), "worker-bulk": ("bulk,replay", 1)}


@dataclass(slots=True)
class Running:
    """A process of the platform and where it writes."""

    popen: subprocess.Popen[bytes]
    log: Path
    began: int


class Platform:
    """What a walk walks through."""

    def __init__(self, folder: Path, services: Services) -> None:
        self.services = services
        self.folder = folder
        keys = {name: os.environ[name] for name in ("SECRET_KEY", "SYNC_SECRETS_KEY")}
        keys |= {"ADMIN_PASSWORD": "-", "FLOWER_PASSWORD": "-"}
        ports = Ports(web=free_port(), base=free_port(), flower=free_port())
        self.landscape = Landscape(folder, keys, ports, services)
        stages = self.landscape.stages(trade=False)
        self.children = {child.name: child for stage in stages for child in stage}
        self.running: dict[str, Running] = {}
        self.shops = {code: WooTwin(https=False, cron_s=0.2) for code in retailer.SHOPS}
        self.till = TillTwin()

    # ── life ──

    def prepare(self) -> None:
        """Make the tables, open the twins, and set up the hub's side."""
        migrate = self.landscape.migrate()
        done = subprocess.run(
            migrate.command, env=self._environment(migrate), cwd=ROOT, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
        connect_to(self.services.database_url)
        witness.install()
        self._settle_in()

    def _settle_in(self) -> None:
        for code, twin in self.shops.items():
            twin.seed(retailer.dataset(code))
            twin.start()
        self.till.seed(retailer.dataset())
        self.till.start()
        retailer.set_up(
            shops=self.shops, till_url=self.till.url, till_secret=TILL_SECRET, till_token=TILL_TOKEN
        )
        self.till.outbox.point_to(f"{self.landscape.hub_url}/hooks/till/")

    def start(self, *names: str) -> None:
        """Start processes and wait until each is ready."""
        for name in names:
            self._spawn(name)
        for name in names:
            self.wait(partial(self._ready, name), f"{name} is ready", patience_s=60)

    def stop(self, *names: str) -> None:
        """End processes politely, then not."""
        going = [(name, self.running.pop(name)) for name in names if name in self.running]
        for _, one in going:
            one.popen.send_signal(signal.SIGTERM)
        for _, one in going:
            try:
                one.popen.wait(timeout=6)
            except subprocess.TimeoutExpired:
                self._kill_all(one)

    def kill(self, name: str) -> None:
        """kill -9 of a process and all that it started, at once."""
        self._kill_all(self.running.pop(name))

    def kill_a_pool_child(self, name: str) -> bool:
        """kill -9 of the process that does a worker's work; its parent lives and makes another.

        A child killed just before is waited for: its parent takes its time on a busy machine.
        """
        parent = self.running[name].popen.pid
        killed: bool = self.wait(lambda: _killed_one_of(descendants_of(parent)), f"{name} has a pool")
        return killed

    def send(self, task: str, queue: str, arguments: dict[str, Any]) -> None:
        """Publish a wake-up on the walk's own broker."""
        Celery("walks", broker=self.services.broker_url, set_as_current=False).send_task(
            task, kwargs=arguments, queue=queue
        )

    def waker(self) -> Waker:
        """Return a waker as the web process has one."""
        return Waker(self.send)

    def close(self) -> None:
        self.stop(*self.running)
        for twin in (*self.shops.values(), self.till):
            twin.stop()
            twin.close()

    # ── looking ──

    def wait(
        self, true: Callable[[], Any], what: str, *, patience_s: float = PATIENCE_S, every_s: float = 0.05
    ) -> Any:
        """Return the first truth, or fail with what was waited for and the end of every log."""
        deadline = time.monotonic() + patience_s
        while True:
            found = true()
            if found:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"It did not happen within {patience_s:g} s: {what}\n{self.tails()}")
            time.sleep(every_s)

    def figure(self, shop: str, sku: str) -> int:
        """Return what a shop shows, out of its own book."""
        number = self.number_of(shop, sku)
        (row,) = self.shops[shop].control.book([number], history=False)["products"]
        return int(row["stock_quantity"] or 0)

    def shows(self, sku: str, figure: int, *shops: str, patience_s: float = PATIENCE_S) -> None:
        """Wait until the shops show it."""
        for shop in shops or tuple(self.shops):
            self.wait(
                partial(self._is_shown, shop, sku, figure),
                f"{shop} shows {figure} of {sku}, not {self.figure(shop, sku)}",
                patience_s=patience_s,
            )

    def _is_shown(self, shop: str, sku: str, figure: int) -> bool:
        return self.figure(shop, sku) == figure

    def rest(self, *, patience_s: float = PATIENCE_S) -> None:
        """Wait until nothing is pending, dirty or owed; then let no sweep come by itself for a while."""
        self.wait(self.is_at_rest, "everything applied and settled", patience_s=patience_s, every_s=0.2)
        Cursor.objects.update(run_at=timezone.now() + timedelta(minutes=30))

    def is_at_rest(self) -> bool:
        unsettled = Listing.objects.exclude(state=Listing.State.SETTLED)
        pending = Delivery.objects.filter(state=Delivery.State.PENDING)
        queued = any(twin.webhooks.pending() for twin in self.shops.values()) or self.till.outbox.owed()
        # Until an order is read again that two messages tell differently, the greater demand stands.
        doubted = ReadDue.objects.filter(run_at__lt=timezone.now() + timedelta(minutes=1))
        return not (queued or pending.exists() or doubted.exists() or any_dirty() or unsettled.exists())

    def number_of(self, shop: str, sku: str) -> int:
        """Return what a shop calls an item."""
        return retailer.product_of(shop, sku)

    def history(self, shop: str, sku: str) -> list[dict[str, Any]]:
        """Return every figure that ever landed in a shop's book, and who wrote it."""
        number = self.number_of(shop, sku)
        found: dict[int, list[dict[str, Any]]] = self.shops[shop].products.book.history([number])
        return found.get(number, [])

    def till_book(self, sku: str) -> dict[str, Decimal]:
        return {store: self.till.till.on_hand(store, sku) for store in retailer.PLACES}

    def hub_book(self, sku: str) -> dict[str, Decimal]:
        """Return what the ledger holds to be there."""
        rows = StockLevel.objects.filter(item__sku=sku, location__code__in=retailer.PLACES)
        return {row.location.code: row.on_hand for row in rows.select_related("location")}

    def in_transit(self, sku: str) -> Decimal:
        """Return what left one place and has not arrived at another, by the movements."""
        way = Movement.objects.filter(item__sku=sku)
        put = way.filter(destination__kind=Location.Kind.TRANSIT).aggregate(Sum("quantity"))["quantity__sum"]
        got = way.filter(source__kind=Location.Kind.TRANSIT).aggregate(Sum("quantity"))["quantity__sum"]
        return (put or Decimal(0)) - (got or Decimal(0))

    def log_of(self, name: str) -> str:
        path = self.folder / "log" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def tails(self, lines: int = 12) -> str:
        parts = []
        for path in sorted((self.folder / "log").glob("*.log")):
            end = "\n    ".join(line[:300] for line in path.read_text(errors="replace").splitlines()[-lines:])
            parts.append(f"  {path.name}:\n    {end}")
        return "\n".join(parts)

    # ── inside ──

    def _environment(self, child: Child, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return os.environ | dict(child.environment) | FAST | dict(more or {})

    def _spawn(self, name: str) -> None:
        child = self.children["worker-critical" if name in WORKERS else name]
        command = list(child.command)
        if name in WORKERS:
            queues, size = WORKERS[name]
            command[command.index("-Q") + 1] = queues
            command[command.index("--concurrency") + 1] = str(size)
            command[command.index("-n") + 1] = f"{name}@%h"
        if name == "web":
            command[command.index("--workers") + 1] = "1"
        log = self.folder / "log" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        began = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            popen = subprocess.Popen(
                launched(command, death_signal=child.death_signal),
                env=self._environment(replace(child, name=name), {"SYNC_PROCESS": name}),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT, start_new_session=True,
            )  # fmt: skip
        self.running[name] = Running(popen, log, began)

    def _ready(self, name: str) -> bool:
        one = self.running[name]
        assert one.popen.poll() is None, f"{name} ended:\n{self.tails()}"
        if name != "web":
            return READY[name] in one.log.read_text(errors="replace")[one.began :]
        try:
            with urllib.request.urlopen(f"{self.landscape.hub_url}/health/live", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _kill_all(self, one: Running) -> None:
        for pid in (one.popen.pid, *descendants_of(one.popen.pid)):
            if found := process(pid):
                found.send(signal.SIGKILL)
        one.popen.wait(timeout=10)


def _killed_one_of(pids: Iterable[int]) -> bool:
    for pid in pids:
        if found := process(pid):
            found.send(signal.SIGKILL)
            return True
    return False


def connect_to(url: str) -> None:
    """Have this process's Django use another database from now on, too."""
    connection.close()
    parts = urlsplit(url)
    connections["default"].settings_dict.update(
        NAME=parts.path.lstrip("/"), USER=unquote(parts.username or ""), HOST=parts.hostname,
        PASSWORD=unquote(parts.password or ""), PORT=str(parts.port),
    )  # fmt: skip


@contextmanager
def database_of_its_own() -> Iterator[None]:
    """Give the process its old database back at the end."""
    kept = dict(connections["default"].settings_dict)
    try:
        yield
    finally:
        connection.close()
        connections["default"].settings_dict.update(kept)
