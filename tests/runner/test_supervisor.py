"""The supervisor: order, restarts, an end without orphans, and sentences that help."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from runner.keys import write_private
from runner.processes import birth_of, command_of, descendants_of, wait_until
from runner.supervisor import only_one
from tests.runner.conftest import Start

SMALL = ("-m", "tests.runner.small_landscape")
PATIENCE_S = 20.0


def until_ready(supervisor: subprocess.Popen[str]) -> str:
    """Return what was said up to READY."""
    assert supervisor.stdout is not None
    said = ""
    for line in supervisor.stdout:
        said += line
        if line.startswith("READY"):
            return said
    raise AssertionError(f"never became ready:\n{said}")


def pids(var: Path) -> dict[str, int]:
    noted = json.loads((var / "children.json").read_text())
    return {name: pid for name, (pid, _born, _is_server) in noted.items()}


def grandchild(var: Path) -> int:
    found = re.findall(r"grandchild (\d+)", (var / "log" / "master.log").read_text())
    return int(found[-1])


def gone(*processes: int) -> bool:
    return wait_until(lambda: not any(birth_of(pid) for pid in processes), timeout_s=PATIENCE_S)


def come_back(var: Path, name: str, old: int) -> bool:
    return wait_until(lambda: pids(var)[name] != old, timeout_s=PATIENCE_S)


def test_stages_start_in_order_and_each_part_says_so(tmp_path: Path, start: Start) -> None:
    supervisor = start(*SMALL, str(tmp_path))

    said = until_ready(supervisor)

    order = [line.split()[0] for line in said.splitlines() if line.startswith("  ")]
    assert set(order[:2]) == {"first", "step"}
    assert set(order[2:]) == {"master", "deaf", "quiet"}
    assert "the master part" in said


def test_a_killed_child_comes_back_and_what_it_left_is_ended(tmp_path: Path, start: Start) -> None:
    supervisor = start(*SMALL, str(tmp_path))
    until_ready(supervisor)
    master, left = pids(tmp_path)["master"], grandchild(tmp_path)

    subprocess.run(["kill", "-9", str(master)], check=True)

    assert come_back(tmp_path, "master", master)
    assert gone(left), "a child of the killed child lives on"
    assert supervisor.stdout is not None
    assert "master was ended by SIGKILL; starting it again in 0.5 s" in supervisor.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_stop_every_child_the_deaf_one_too(
    tmp_path: Path, start: Start, number: signal.Signals
) -> None:
    supervisor = start(*SMALL, str(tmp_path))
    until_ready(supervisor)
    children = [*pids(tmp_path).values(), grandchild(tmp_path)]

    supervisor.send_signal(number)
    said, _ = supervisor.communicate(timeout=PATIENCE_S)

    assert supervisor.returncode == 0
    assert "Stopped everything" in said
    assert not any(birth_of(pid) for pid in children)


def test_kill_9_of_the_supervisor_leaves_nobody_behind_not_even_the_deaf(
    tmp_path: Path, start: Start
) -> None:
    supervisor = start(*SMALL, str(tmp_path))
    until_ready(supervisor)
    children = [*pids(tmp_path).values(), grandchild(tmp_path)]

    supervisor.kill()

    assert gone(*children), "an orphan lives on"


def test_a_start_ends_what_a_killed_supervisor_and_its_minder_left_behind(
    tmp_path: Path, start: Start
) -> None:
    supervisor = start(*SMALL, str(tmp_path))
    until_ready(supervisor)
    deaf = pids(tmp_path)["deaf"]
    minder = next(pid for pid in descendants_of(supervisor.pid) if "runner.minder" in command_of(pid))
    for pid in (minder, supervisor.pid):
        os.kill(pid, signal.SIGKILL)

    said = until_ready(start(*SMALL, str(tmp_path)))

    assert "Ending what an earlier start left behind" in said
    assert gone(deaf)


def test_a_second_start_in_the_same_folder_gets_a_sentence(tmp_path: Path, start: Start) -> None:
    first = start(*SMALL, str(tmp_path))
    until_ready(first)

    second = start(*SMALL, str(tmp_path))
    said, _ = second.communicate(timeout=PATIENCE_S)

    assert second.returncode == 1
    assert f"It runs here already (process {first.pid})" in said


def test_a_part_that_cannot_start_stops_all_and_shows_the_end_of_its_log(
    tmp_path: Path, start: Start
) -> None:
    supervisor = start(*SMALL, str(tmp_path), "broken")

    said, _ = supervisor.communicate(timeout=PATIENCE_S)

    assert supervisor.returncode == 1
    assert "broken ended with status 3" in said
    assert "the disk is made of cheese" in said.split("The end of")[1]
    assert "READY" not in said
    assert not (tmp_path / "children.json").exists()


def test_warnings_and_the_last_line_of_a_traceback_show_by_name_and_the_rest_is_in_the_log(
    tmp_path: Path, start: Start
) -> None:
    supervisor = start(*SMALL, str(tmp_path), "warner")

    said = until_ready(supervisor)

    assert "warner | [2026-01-01: WARNING/Main] low on cheese" in said
    assert "warner | ValueError: no cheese" in said
    assert "all is well" not in said
    assert "all is well" in (tmp_path / "log" / "warner.log").read_text()


def test_a_busy_port_is_named_with_its_purpose_and_the_option_to_change_it(
    tmp_path: Path, start: Start
) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]

        refused = start("-m", "runner", "run", f"--port={port}", SYNC_VAR_DIR=str(tmp_path / "var"))
        said, _ = refused.communicate(timeout=PATIENCE_S)

    assert refused.returncode == 1
    assert f"Port {port}, for web, is in use" in said
    assert f"make run ARGS=--port={port + 1}" in said
    assert "Traceback" not in said


def test_services_print_addresses_a_shell_can_read_and_end_with_ctrl_c(tmp_path: Path, start: Start) -> None:
    running = start(
        "-m", "runner", "services", "--print-env", "--forgetful", SYNC_VAR_DIR=str(tmp_path / "var")
    )
    assert running.stdout is not None
    lines = [running.stdout.readline(), running.stdout.readline()]

    running.send_signal(signal.SIGINT)
    running.communicate(timeout=PATIENCE_S)

    assert [line.split("=")[0] for line in lines] == ["export DATABASE_URL", "export BROKER_URL"]
    assert running.returncode == 0


def test_a_command_is_told_the_addresses_of_the_platform_that_runs(tmp_path: Path, start: Start) -> None:
    write_private(tmp_path / "environment.json", json.dumps({"DATABASE_URL": "postgresql://the-running-one"}))
    shown = "import os, sys; print(os.environ['DATABASE_URL']); sys.exit(7)"

    with only_one(tmp_path):
        command = start("-m", "runner", "exec", "--", sys.executable, "-c", shown, SYNC_VAR_DIR=str(tmp_path))
        said, _ = command.communicate(timeout=PATIENCE_S)

    assert said.strip() == "postgresql://the-running-one"
    assert command.returncode == 7
