"""The least a message can cost here: a bare insert and its commit; a commit, a wake and a call in a row.

Measured in the run of what stands beside it, on the same servers, without the platform.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

import psycopg
from redis import Redis

from benchmarks.figures import quantile
from benchmarks.ground import Ground

DATABASE = "bench_least"
BROKER = 3
TABLE = "CREATE TABLE knock (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text UNIQUE, body bytea)"
INSERT = "INSERT INTO knock (key, body) VALUES (%s, %s)"


@dataclass(frozen=True, slots=True)
class Least:
    """In milliseconds."""

    p50_ms: float
    p99_ms: float


def inserts(ground: Ground, *, clients: int, rate: float, count: int, body: bytes) -> Least:
    """Return how long an insert and its commit take when so many clients make `rate` of them a second.

    Ages count from when each was due, as those of the messages do.
    """
    url = _database(ground)
    began = time.monotonic() + 0.2
    took: list[list[float]] = [[] for _ in range(clients)]
    threads = [
        threading.Thread(target=_insert, args=(url, began, rate, range(nth, count, clients), body, took[nth]))
        for nth in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _least([each for some in took for each in some])


def _insert(
    url: str, began: float, rate: float, numbers: Sequence[int], body: bytes, took: list[float]
) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for number in numbers:
            due = began + number / rate
            if (rest := due - time.monotonic()) > 0:
                time.sleep(rest)
            connection.execute(INSERT, (f"{began}/{number}", body))
            took.append(time.monotonic() - due)


def in_a_row(ground: Ground, channel: str, *, count: int, body: bytes) -> Least:
    """Return how long a commit, a wake-up by the broker and a call of the channel take, one after another."""
    url = _database(ground)
    broker = ground.broker_url.rsplit("/", 1)[0] + f"/{BROKER}"
    host = urlsplit(channel)
    took: list[float] = []
    with psycopg.connect(url, autocommit=True) as connection, _broker(broker) as sender:
        caller = HTTPConnection(host.hostname or "", host.port, timeout=10)
        woken, done = threading.Semaphore(0), threading.Event()
        sleeper = threading.Thread(target=_sleep, args=(broker, woken, done))
        sleeper.start()
        try:
            for number in range(count):
                began = time.monotonic()
                connection.execute(INSERT, (f"row/{began}/{number}", body))
                sender.lpush("least", b"1")
                woken.acquire(timeout=10)
                caller.request(
                    "POST", "/wp-json/wc/v3/products/batch", json.dumps({"update": []}),
                    {"Content-Type": "application/json"},
                )  # fmt: skip
                caller.getresponse().read()
                took.append(time.monotonic() - began)
        finally:
            done.set()
            sleeper.join()
            caller.close()
    return _least(took)


def _sleep(broker: str, woken: threading.Semaphore, done: threading.Event) -> None:
    with _broker(broker) as waiter:
        while not done.is_set():
            if waiter.brpop(["least"], timeout=1):
                woken.release()


def _broker(url: str) -> Redis:
    return Redis.from_url(url)


def _database(ground: Ground) -> str:
    ground.drop(DATABASE)
    ground.create(DATABASE)
    url = ground.url_of(DATABASE)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE)
    return url


def _least(took: Sequence[float]) -> Least:
    return Least(round(1000 * quantile(took, 0.5), 2), round(1000 * quantile(took, 0.99), 2))
