"""A landscape of small parts, for the supervisor's tests: python -m tests.runner.small_landscape VAR [PART…]

first    ready at once, first stage
master   has a child of its own, second stage, and ends politely
deaf     hears no SIGTERM, second stage
broken   complains and ends, second stage; only when asked for
warner   says a warning and a traceback, second stage; only when asked for
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from runner.children import Child, Ends, Lives, Says
from runner.processes import Trouble
from runner.supervisor import Supervisor, only_one

LOOP = (
    "import sys, time, signal, subprocess\n{before}\nprint('up', flush=True)\nwhile True: time.sleep(0.05)\n"
)
PARTS = {
    "first": LOOP.format(before=""),
    "master": LOOP.format(
        before="grown = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        "print('grandchild', grown.pid, flush=True)\n"
        "signal.signal(signal.SIGTERM, lambda *_: (grown.terminate(), sys.exit(0)))"
    ),
    "deaf": LOOP.format(before="signal.signal(signal.SIGTERM, signal.SIG_IGN)"),
    "broken": "import sys; print('the disk is made of cheese'); sys.exit(3)",
    "warner": LOOP.format(
        before="print('[2026-01-01: WARNING/Main] low on cheese', flush=True)\n"
        "print('all is well', flush=True)\n"
        "print('Traceback (most recent call last):\\n  File \"x\"\\nValueError: no cheese', flush=True)"
    ),
}


def child(name: str) -> Child:
    return Child(
        name,
        f"the {name} part",
        (sys.executable, "-c", PARTS[name]),
        ready=Says("^up"),
        grace_s=0.3,
        ready_timeout_s=20,
    )


async def _ready() -> None:
    print("READY", flush=True)


def main(folder: str, *parts: str) -> int:
    var = Path(folder)
    step = Child("step", "a step", (sys.executable, "-c", "print('done')"), ready=Ends())
    second = [child(name) for name in parts or ("master", "deaf")]
    quiet = Child("quiet", "says nothing", (sys.executable, "-c", LOOP.format(before="")), ready=Lives(0.1))
    try:
        with only_one(var):
            supervisor = Supervisor(var)
            supervisor.clear_left_overs()
            return asyncio.run(supervisor.run([[child("first"), step], [*second, quiet]], _ready))
    except Trouble as trouble:
        print(trouble, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
