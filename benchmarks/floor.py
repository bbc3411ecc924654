"""What this machine can do at all: pgbench, plain INSERT and COPY, in the same run on the same server."""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass

import psycopg

from benchmarks.figures import Figure
from benchmarks.ground import Ground

ROWS = 200_000
DATABASE = "bench_floor"
TABLE = """
CREATE TABLE line (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item bigint, place bigint,
    quantity numeric(18, 6), at timestamptz, note text)
"""
INSERT = "INSERT INTO line (item, place, quantity, at, note) VALUES (%s, %s, %s, now(), %s)"
COPY = "COPY line (item, place, quantity, at, note) FROM STDIN"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each floor is measured."""

    seconds: int = 4
    rows: int = ROWS


def measure(ground: Ground, patience: Patience) -> list[Figure]:
    """Return the floor. Its figures have no naive side: they are what both sides stand on."""
    ground.create(DATABASE)
    url = ground.url_of(DATABASE)
    found = [_pgbench(ground, url, clients, patience.seconds) for clients in (1, 8)]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE)
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < patience.seconds / 2:
            connection.execute(INSERT, (done, 1, 1, "one row, one commit"))
            done += 1
        found.append(
            Figure("floor.insert", "rows/s, one a commit", round(done / (time.perf_counter() - began)))
        )
        began = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy(COPY) as copy:
            for number in range(patience.rows):
                copy.write_row((number, 1, 1, "2026-01-01T00:00:00Z", "copied"))
        found.append(
            Figure("floor.copy", "rows/s, one commit", round(patience.rows / (time.perf_counter() - began)))
        )
    return found


def _pgbench(ground: Ground, url: str, clients: int, seconds: int) -> Figure:
    """Run pgbench's own TPC-B-like script, or without the program a commit loop that says so."""
    name = f"floor.pgbench_{clients}"
    program = ground.postgres.found.beside("pgbench")
    if not program.exists():
        return _commits(name, url, seconds)
    environment = os.environ | {"PGOPTIONS": "-c synchronous_commit=on"}
    for arguments in (
        ["-i", "-q", "-s", "10"],
        ["-c", str(clients), "-j", str(min(clients, 2)), "-T", str(seconds)],
    ):
        done = subprocess.run(
            [program, *arguments, url], capture_output=True, text=True, env=environment, check=True
        )
    speed = re.search(r"tps = ([\d.]+)", done.stdout)
    clients_word = "client" if clients == 1 else "clients"
    return Figure(name, f"transactions/s, {clients} {clients_word}", round(float(speed[1])) if speed else 0)


def _commits(name: str, url: str, seconds: int) -> Figure:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS tick (n bigint)")
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            connection.execute("INSERT INTO tick VALUES (%s)", (done,))
            done += 1
    return Figure(name, "commits/s, a plain loop: no pgbench here", round(done / seconds))
