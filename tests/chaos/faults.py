"""How each kind of fault is done to the ground. When, how long and to whom was drawn in schedule.py."""

from __future__ import annotations

import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg

from runner.faultproxy import HEALTHY, Fault, FaultProxy
from runner.processes import process
from tests.chaos.ground import Ground
from tests.chaos.poisoned_till import POISON
from tests.chaos.remote import Remote
from tests.chaos.schedule import Planned

PLAYED_WITHIN_S = 25.0
"""How long a fault that waits for a call, a write or a message may wait before it counts as not played."""
NOTICED = 5
"""Calls in a row without an answer open a breaker; an outage that met fewer was none to the hub."""
LATE_ORDERS_S = 0.9
"""Less than the connector promises: orders show within a second."""
NET = {
    "net_slow": Fault(latency_s=0.4), "net_cut": Fault(cut_after_bytes=200), "net_reset": Fault(reset=True),
    "net_silent": Fault(blackhole=True), "net_refused": Fault(refuse=True), "net_drip": Fault(drip_s=0.05),
}  # fmt: skip
CHANNEL: dict[str, dict[str, Any]] = {
    "channel_429": {"kind": "429", "seconds": 1},
    "channel_5xx": {"kind": "5xx", "status": 502},
    "channel_applied_unanswered": {"kind": "timeout_applied", "seconds": 0.2, "only": "write"},
    "channel_lost_unanswered": {"kind": "timeout_lost", "seconds": 0.2, "only": "write"},
    "channel_late_landing": {"kind": "late_landing", "only": "write"},
    "channel_garbage": {"kind": "html", "status": 200},
    "channel_partial": {"kind": "partial"},
    # Of figures: a shop that hid orders from a reading for longer than a second is none that is supported.
    "channel_stale_read": {"kind": "stale_read", "only": "read", "path": "/products"},
}
SENDER = {
    "sender_twice": "webhook_duplicate",
    "sender_shuffled": "webhook_reorder",
    "sender_lost": "drop_webhooks",
}


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a planned fault. Times are the machine's."""

    planned: Planned
    began: float
    lifted: float
    played: bool
    problem: str = ""


class Faults:
    """Plays faults; two of a kind on one target come one after the other."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self._turn: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._clock_turn = threading.Lock()

    def play(self, one: Planned) -> Done:
        act = partial(self.act_of(one), self)
        with self._turn[self._thing(one)]:
            began = time.time()
            try:
                played, problem = act(one), ""
            except Exception as error:
                played, problem = False, repr(error)[:300]
            return Done(one, began, time.time(), played, problem)

    def heal(self) -> None:
        """Take back whatever still lasts."""
        for proxy in (self.ground.broker_proxy, *self.ground.proxies.values()):
            proxy.behave(HEALTHY)
        for twin in (*self.ground.shops.values(), self.ground.till):
            twin.heal()
            twin.post("clock", off_s=0)

    def _thing(self, one: Planned) -> str:
        if one.kind.startswith(("broker", "postgres")):
            return "broker" if one.kind.startswith("broker") else "postgres"
        if one.kind.startswith("net_"):
            return f"net:{one.target}"
        return f"{one.kind}:{one.target}"

    @classmethod
    def act_of(cls, one: Planned) -> Callable[[Faults, Planned], bool]:
        """Return what plays this kind."""
        family = {"net": cls._net, "channel": cls._channel, "sender": cls._sender, "freeze": cls._freeze}
        named: Callable[[Faults, Planned], bool] | None = getattr(cls, f"_{one.kind}", None)
        return named or family[one.kind.split("_")[0]]

    # ── processes ──

    def _kill_pool_child(self, one: Planned) -> bool:
        return _soon(lambda: self.ground.kill_one_of(one.target))

    def _kill_worker(self, one: Planned) -> bool:
        return _soon(lambda: self.ground.signal_all(one.target, signal.SIGKILL))

    def _kill_web(self, one: Planned) -> bool:
        return _soon(lambda: self.ground.signal_all("web", signal.SIGKILL))

    def _kill_dispatcher(self, one: Planned) -> bool:
        return _soon(lambda: self.ground.signal_all("dispatcher", signal.SIGKILL))

    def _ask_worker_to_end(self, one: Planned) -> bool:
        return _soon(lambda: self.ground.terminate(one.target))

    def _freeze(self, one: Planned) -> bool:
        name = one.target or one.kind.removeprefix("freeze_")
        if not _soon(lambda: self.ground.signal_all(name, signal.SIGSTOP)):
            return False
        time.sleep(one.seconds)
        self.ground.signal_all(name, signal.SIGCONT)
        return True

    def _poison(self, one: Planned) -> bool:
        self.ground.till.post("sale", store="ST-2", lines=[{"sku": POISON, "quantity": "1"}], force=True)
        return True

    # ── servers ──

    def _broker_flush(self, one: Planned) -> bool:
        self.ground.services.broker.flush()
        return True

    def _broker_kill(self, one: Planned) -> bool:
        self.ground.services.broker.kill()
        time.sleep(1)
        self.ground.services.broker.start()
        return True

    def _broker_wipe(self, one: Planned) -> bool:
        self.ground.services.broker.wipe()
        return True

    def _broker_frozen(self, one: Planned) -> bool:
        self.ground.services.broker.freeze()
        time.sleep(one.seconds)
        self.ground.services.broker.thaw()
        return True

    def _broker_reset(self, one: Planned) -> bool:
        return _for_a_while(self.ground.broker_proxy, Fault(reset=True), 0.3)

    def _broker_silent(self, one: Planned) -> bool:
        return _for_a_while(self.ground.broker_proxy, Fault(blackhole=True), one.seconds)

    def _postgres_terminate(self, one: Planned) -> bool:
        return self._ask_postgres(f"SELECT pg_terminate_backend(pid) {OTHERS}") > 0

    def _postgres_crash(self, one: Planned) -> bool:
        """kill -9 of one backend: the server ends all others and recovers."""
        with psycopg.connect(self.ground.services.database_url, connect_timeout=5) as connection:
            found = connection.execute(f"SELECT pid {OTHERS}".encode()).fetchone()
        backend = process(int(found[0])) if found else None
        if backend is None:
            return False
        backend.send(signal.SIGKILL)
        return _soon(lambda: self._ask_postgres("SELECT 1") == 1, within_s=30)

    def _postgres_kill(self, one: Planned) -> bool:
        self.ground.services.postgres.kill()
        time.sleep(1)
        self.ground.services.postgres.start()
        return True

    def _ask_postgres(self, question: str) -> int:
        try:
            with psycopg.connect(self.ground.services.database_url, connect_timeout=5) as connection:
                return len(connection.execute(question.encode()).fetchall())
        except psycopg.OperationalError:
            return 0

    # ── channels and senders ──

    def _net(self, one: Planned) -> bool:
        return _for_a_while(self.ground.proxies[one.target], NET[one.kind], one.seconds)

    def _channel_outage(self, one: Planned) -> bool:
        shop = self.ground.shops[one.target]
        before = self._played(one, "5xx")
        shop.inject("5xx", status=503, probability=1.0)
        time.sleep(one.seconds)
        shop.heal("5xx")
        return self._played(one, "5xx") - before >= NOTICED

    def _channel(self, one: Planned) -> bool:
        given = dict(CHANNEL[one.kind])
        if one.seconds:
            given["seconds"] = one.seconds
        return self._inject(one, given.pop("kind"), **given)

    def _sender_late(self, one: Planned) -> bool:
        if one.target == "till":
            return self._inject(one, "webhook_delay", seconds=one.seconds)
        return self._inject(one, "orders_invisible_s", seconds=min(one.seconds, LATE_ORDERS_S))

    def _sender_clock(self, one: Planned) -> bool:
        with self._clock_turn:
            twin = self._twin(one)
            twin.post("clock", off_s=one.seconds)
            time.sleep(4)
            twin.post("clock", off_s=0)
        return True

    def _sender(self, one: Planned) -> bool:
        return self._inject(one, SENDER[one.kind])

    def _inject(self, one: Planned, kind: str, **given: Any) -> bool:
        """Have the twin play it, and wait until it was played as often as planned, or at all."""
        twin = self._twin(one)
        before = twin.get("faults")["played"].get(kind, 0)
        twin.inject(kind, count=one.count, **given)
        _soon(lambda: self._played(one, kind) - before >= one.count, within_s=PLAYED_WITHIN_S)
        twin.heal(kind)
        return self._played(one, kind) > before

    def _played(self, one: Planned, kind: str) -> int:
        return int(self._twin(one).get("faults")["played"].get(kind, 0))

    def _twin(self, one: Planned) -> Remote:
        return self.ground.till if one.target == "till" else self.ground.shops[one.target]


OTHERS = (
    "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    " AND datname = current_database()"
)


def _soon(true: Callable[[], bool], *, within_s: float = 8.0) -> bool:
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _for_a_while(proxy: FaultProxy, fault: Fault, seconds: float) -> bool:
    proxy.behave(fault)
    time.sleep(seconds)
    proxy.behave(HEALTHY)
    return True
