"""Where a campaign takes place: the platform's processes, kept alive; twins and trade as processes beside it.

Knows how to bring everything up, to look at it and to end it; which fault happens when is not its business.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from connectors.till.twin import SECRET as TILL_SECRET
from connectors.till.twin import TOKEN as TILL_TOKEN
from inventory_sync.connections.models import Budget
from runner.children import Child
from runner.embedded import Services
from runner.faultproxy import FaultProxy
from runner.landscape import ROOT
from runner.processes import Process, descendants_of, launched, process
from runner.servers import LOOPBACK, free_port
from tests.chaos.poisoned_till import POISON
from tests.chaos.remote import Remote
from tests.walks import retailer
from tests.walks.platform import connect_to
from tests.walks.processes import Processes

CREW = {
    "worker-critical": ("critical,standard", 2), "worker-second": ("critical,standard", 2),
    "worker-bulk": ("bulk,replay", 1),
}  # fmt: skip
"""Two of those that matter: one that is killed leaves another, as in any installation that means it."""
PLATFORM = ("web", "dispatcher", *CREW)
PER_S, BURST = 20.0, 40.0
"""What a shop allows, by its own clock; the hub is told the same."""
SKUS = retailer.LIVE
BACK_AFTER_S = 0.5


class Ground(Processes):
    """One campaign's installation."""

    workers = CREW

    def __init__(self, folder: Path, services: Services) -> None:
        super().__init__(folder, services)
        self.broker_proxy = FaultProxy((LOOPBACK, urlsplit(services.broker_url).port or 0))
        self.ports = {name: free_port() for name in (*retailer.SHOPS, "till")}
        self.proxies = {code: FaultProxy((LOOPBACK, self.ports[code])) for code in retailer.SHOPS}
        self.shops = {code: Remote(f"http://{LOOPBACK}:{self.ports[code]}") for code in retailer.SHOPS}
        self.till = Remote(f"http://{LOOPBACK}:{self.ports['till']}")
        self.away: list[Away] = []
        self._beside: dict[str, subprocess.Popen[bytes]] = {}
        self._change = threading.RLock()
        self._ending = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    # ── life ──

    def open(self, *, seed: int) -> None:
        """Bring everything up; trade begins with `trade`."""
        for proxy in (self.broker_proxy, *self.proxies.values()):
            proxy.__enter__()
        for name in self.ports:
            self._start_twin(name)
        self.migrate()
        connect_to(self.services.database_url)
        self._set_up()
        self.start(*PLATFORM)
        self._keeper.start()
        self._seed = seed

    def trade(self, *, every_s: float) -> None:
        world = {
            "shops": {code: shop.url for code, shop in self.shops.items()},
            "till": self.till.url,
            "products": {
                code: {sku: retailer.product_of(code, sku) for sku in SKUS} for code in retailer.SHOPS
            },
            "skus": list(SKUS),
            "places": list(retailer.PLACES),
        }
        path = self._written("world", world)
        self._beside_us(
            "trade", "tests.chaos.trade", "--world", str(path), "--seed", str(self._seed),
            "--every-s", str(every_s),
        )  # fmt: skip

    def end_trade(self) -> None:
        self._end(self._beside.pop("trade"))

    def close(self) -> None:
        """End every process that was started here, and the proxies."""
        self._ending.set()
        if self._keeper.is_alive():
            self._keeper.join(timeout=10)
        for one in self.running.values():
            for pid in (one.popen.pid, *descendants_of(one.popen.pid)):
                if found := process(pid):
                    found.send(signal.SIGCONT)
        self.stop(*self.running)
        for beside in self._beside.values():
            self._end(beside)
        for proxy in (self.broker_proxy, *self.proxies.values()):
            proxy.__exit__(None, None, None)

    def journal(self, name: str) -> Path:
        return self.folder / "witness" / f"{name}.jsonl"

    def beside_alive(self) -> list[str]:
        """Return the witnesses that ended although nobody may hurt them."""
        return [name for name, one in self._beside.items() if one.poll() is not None]

    # ── what faults do to it ──

    def signal_all(self, name: str, number: signal.Signals) -> bool:
        """Signal a process of the platform and all below it."""
        with self._change:
            one = self.running.get(name)
            if one is None or one.popen.poll() is not None:
                return False
            for pid in (one.popen.pid, *descendants_of(one.popen.pid)):
                if found := process(pid):
                    found.send(number)
            return True

    def kill_one_of(self, name: str) -> bool:
        """kill -9 of one process of a worker's pool, its parent lives; False when there is none just now."""
        with self._change:
            below = self._pool_of(name)
            if not below:
                return False
            below[0].send(signal.SIGKILL)
            return True

    def terminate(self, name: str) -> bool:
        """Ask the first process alone to end, as a supervisor does."""
        with self._change:
            one = self.running.get(name)
            if one is None or one.popen.poll() is not None:
                return False
            one.popen.send_signal(signal.SIGTERM)
            return True

    def _pool_of(self, name: str) -> list[Process]:
        one = self.running.get(name)
        pids = [] if one is None else descendants_of(one.popen.pid)
        return [found for pid in pids if (found := process(pid))]

    # ── inside ──

    def _environment(self, child: Child, more: Mapping[str, str] | None = None) -> dict[str, str]:
        broker = urlsplit(self.services.broker_url)
        through = f"{broker.netloc.rpartition('@')[0]}@{LOOPBACK}:{self.broker_proxy.port}"
        return super()._environment(child, more) | {
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "BROKER_URL": urlunsplit(broker._replace(netloc=through)),
        }

    def _keep(self) -> None:
        """Start again whatever ended, as a supervisor does."""
        while not self._ending.wait(BACK_AFTER_S):
            with self._change:
                for name, one in list(self.running.items()):
                    if one.popen.poll() is not None and not self._ending.is_set():
                        self._kill_all(one)
                        self._spawn(name)
                        self.away.append(Away(name, time.time()))
            for away in self.away:
                if away.until is None and self._is_up(away.name):
                    away.until = time.time()

    def _is_up(self, name: str) -> bool:
        one = self.running.get(name)
        try:
            return one is not None and self._ready(name)
        except AssertionError:  # it has ended again
            return False

    def _set_up(self) -> None:
        fronts = {code: Front(f"http://{LOOPBACK}:{proxy.port}") for code, proxy in self.proxies.items()}
        retailer.set_up(shops=fronts, till_url=self.till.url, till_secret=TILL_SECRET, till_token=TILL_TOKEN)
        Budget.objects.filter(connection__code__in=retailer.SHOPS).update(
            rate_per_s=PER_S, burst=BURST, tokens=BURST
        )
        self.till.post("hook", url=f"{self.landscape.hub_url}/hooks/till/")

    def _start_twin(self, name: str) -> None:
        data = retailer.dataset(name if name in retailer.SHOPS else "woo")
        data["items"].append({"sku": POISON, "name": "Poison", "unit": "C62"})
        data["till"]["items"].append({"external_id": POISON, "item": POISON, "unit": "C62", "name": "Poison"})
        arguments = ["--port", str(self.ports[name]), "--data", str(self._written(f"data-{name}", data))]
        if name in retailer.SHOPS:
            arguments += ["--home", f"http://{LOOPBACK}:{self.proxies[name].port}"]
            arguments += ["--per-s", str(PER_S), "--burst", str(BURST)]
        self._beside_us(name, "tests.chaos.twins", name, *arguments)
        self.wait(partial(_answers, f"http://{LOOPBACK}:{self.ports[name]}/_twin/limit"), f"{name} answers")

    def _beside_us(self, name: str, module: str, *arguments: str) -> None:
        log = self.folder / "log" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", module, *arguments, "--journal", str(self.journal(name))]
        with log.open("ab") as output:
            self._beside[name] = subprocess.Popen(
                launched(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT,
                start_new_session=True,
            )  # fmt: skip

    def _end(self, one: subprocess.Popen[bytes]) -> None:
        one.terminate()
        try:
            one.wait(timeout=8)
        except subprocess.TimeoutExpired:
            one.kill()
            one.wait(timeout=8)

    def _written(self, name: str, document: object) -> Path:
        path = self.folder / "witness" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document), encoding="utf-8")
        return path


@dataclass(slots=True)
class Away:
    """A process that had ended and was started again: from when until it was ready."""

    name: str
    since: float
    until: float | None = None


class Front:
    """Where the hub finds a shop."""

    def __init__(self, url: str) -> None:
        self.url = url


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        time.sleep(0.05)
        return False
