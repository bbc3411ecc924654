"""The runner's command line: `python -m runner run | exec | services`.

run       the whole platform, until Ctrl-C (`make run`)
exec      one command with the platform's addresses; starts what it needs when nothing runs (`make replay`)
services  PostgreSQL and the broker only, until Ctrl-C
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from runner import keys
from runner.embedded import External, assemble, check_database, services
from runner.landscape import ROOT, Landscape, Ports, in_words
from runner.processes import Trouble, wait_until
from runner.servers import port_is_free
from runner.supervisor import Supervisor, is_running, only_one
from runner.terminal import Terminal

ENVIRONMENT_FILE = "environment.json"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.do(options))
    except Trouble as trouble:
        print(f"\n{trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run(options: argparse.Namespace) -> int:
    """Bring the platform up and keep it up."""
    terminal, began, var_dir = Terminal(), time.monotonic(), options.var
    with only_one(var_dir):
        first = not (var_dir / "secrets.json").exists()
        terminal.say(f"Starting{' for the first time' if first else ''}, data in {var_dir}", "bold")
        landscape = _landscape(var_dir, Ports(options.port, options.port_base, options.flower_port))
        supervisor = Supervisor(var_dir, terminal)
        supervisor.clear_left_overs()
        refuse_busy_ports(landscape.ports)
        _keep_environment(landscape)
        (ROOT / "var" / "static").mkdir(parents=True, exist_ok=True)

        async def when_ready() -> None:
            landscape.note_prepared()
            terminal.say(f"\nReady in {time.monotonic() - began:.1f} s.\n", "green")
            terminal.say(in_words(landscape.addresses(trade=options.trade)))
            terminal.say("\nCtrl-C stops everything; the data stay.\n")

        return asyncio.run(supervisor.run(landscape.stages(trade=options.trade), when_ready))


def execute(options: argparse.Namespace) -> int:
    """Run one command with the platform's addresses in its environment; return its exit status."""
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise Trouble("exec: no command was given.")
    var_dir = options.var
    if is_running(var_dir):
        environment = json.loads((var_dir / ENVIRONMENT_FILE).read_text(encoding="utf-8"))
        return subprocess.run(command, env=os.environ | environment, check=False).returncode
    with only_one(var_dir):
        landscape = _landscape(var_dir, Ports())
        supervisor = Supervisor(var_dir)
        supervisor.clear_left_overs()
        _keep_environment(landscape)

        async def foreground() -> int:
            child = await asyncio.create_subprocess_exec(*command, env=os.environ | landscape.environment)
            try:
                return await child.wait()
            except asyncio.CancelledError:
                child.send_signal(signal.SIGTERM)
                await child.wait()
                raise

        stages = landscape.stages_for_a_command(workers=options.workers)
        return asyncio.run(supervisor.run(stages, foreground))


def only_services(options: argparse.Namespace) -> int:
    """Run PostgreSQL and the broker, print their addresses, wait for Ctrl-C."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: asked.append(number))
    with only_one(options.var), services(options.var, durable=not options.forgetful) as running:
        for name, value in running.environment.items():
            print(f"export {name}='{value}'" if options.print_env else f"{name}={value}", flush=True)
        wait_until(lambda: bool(asked), timeout_s=float("inf"), every_s=0.1)
    return 0


def refuse_busy_ports(ports: Ports) -> None:
    """Raise Trouble naming the first port somebody else has, what it is for and how to choose another."""
    for purpose, (port, option) in ports.wanted.items():
        if not port_is_free(port):
            suggestion = ports.base + 100 if option == "--port-base" else port + 1
            raise Trouble(
                f"Port {port}, for {purpose}, is in use by another program. Stop that one, or choose "
                f"another: make run ARGS={option}={suggestion}"
            )


def _landscape(var_dir: Path, ports: Ports) -> Landscape:
    kept = keys.load(var_dir / "secrets.json")
    servers = assemble(var_dir, secrets=kept, fixed_ports=True)
    if isinstance(servers.database, External):
        check_database(servers.database.url)
    return Landscape(var_dir, kept, ports, servers)


def _keep_environment(landscape: Landscape) -> None:
    """Leave the addresses where `exec` finds them while the platform runs."""
    keys.write_private(landscape.var_dir / ENVIRONMENT_FILE, json.dumps(landscape.environment, indent=1))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m runner", description=__doc__.split("\n")[0])
    parser.set_defaults(var=Path(os.environ.get("SYNC_VAR_DIR") or ROOT / "var").resolve())
    commands = parser.add_subparsers(required=True)
    started = commands.add_parser("run", prog="make run", help="the whole platform, until Ctrl-C")
    started.add_argument("--port", type=int, default=8000, help="web: admin, API, hooks (%(default)s)")
    started.add_argument("--port-base", type=int, default=8100, help="twins: this + 1, 2, 3 (%(default)s)")
    started.add_argument("--flower-port", type=int, default=5555, help="Flower (%(default)s)")
    started.add_argument(
        "--no-trade", dest="trade", action="store_false", help="no live trade: a quiet platform"
    )
    started.set_defaults(do=run)
    executed = commands.add_parser("exec", help="one command with the platform's addresses")
    executed.add_argument("--workers", action="store_true", help="start dispatcher and workers too")
    executed.add_argument("command", nargs=argparse.REMAINDER)
    executed.set_defaults(do=execute)
    served = commands.add_parser("services", help="PostgreSQL and the broker only")
    served.add_argument("--print-env", action="store_true", help="as lines a shell can read")
    served.add_argument("--forgetful", action="store_true", help="no syncing to disk, for tests")
    served.set_defaults(do=only_services)
    return parser


if __name__ == "__main__":
    sys.exit(main())
