# ruff: noqa: INP001 - a script of the image, no package
"""Say by the exit code whether this container does its work: `healthcheck.py web|dispatcher|worker|flower`.

Uses nothing of the platform but two of its tables, so that asking every few seconds costs next to nothing.
"""

from __future__ import annotations

import os
import socket
import sys
import urllib.error
import urllib.request

import psycopg

SILENT_S = 60
QUESTIONS = {
    "dispatcher": "SELECT count(*) FROM pipeline_sign WHERE name = 'dispatcher'"
    " AND at > now() - make_interval(secs => %(silent)s)",
    "worker": "SELECT count(*) FROM pipeline_worker WHERE host = %(host)s"
    " AND seen_at > now() - make_interval(secs => %(silent)s)",
}
"""A dispatcher that stands by is well while one leads. Both are asked by the database's own clock."""
ADDRESSES = {
    "web": "http://127.0.0.1:8000/health/live",
    "flower": "http://127.0.0.1:5555/ops/flower/healthcheck",
}


def main(what: str) -> int:
    if what in ADDRESSES:
        try:
            with urllib.request.urlopen(ADDRESSES[what], timeout=4) as answer:  # noqa: S310 - loopback only
                return 0 if answer.status == 200 else 1
        except (urllib.error.URLError, OSError) as error:
            return _ill(error)
    try:
        with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=4) as session:
            row = session.execute(
                QUESTIONS[what], {"silent": SILENT_S, "host": socket.gethostname()}
            ).fetchone()
    except psycopg.Error as error:
        return _ill(error)
    return 0 if row and row[0] else 1


def _ill(error: Exception) -> int:
    sys.stdout.write(f"{error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
