"""A side of the comparison as a process: it takes one JSON order a line, does it, answers one JSON line.

Each side has its own Django, settings and database, so each lives in a process of its own; the harness holds
the other end (sides.py). What a side prints goes to its log; answers go out by the first standard output.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

Do = Callable[..., Any]


def serve(orders: Mapping[str, Do]) -> None:
    """Answer until the other end closes."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else prints must not be taken for an answer
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = {"value": orders[order["do"]](**order["with"])}
        except Exception:  # noqa: BLE001 - the harness shows it and stops
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
