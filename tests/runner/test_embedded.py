"""PostgreSQL and the broker come up after any end, wherever the checkout lies, whoever we are."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import psycopg
import pytest

from runner import binaries, identity, keys
from runner.embedded import Services, check_database, services
from runner.postgres import Postgres
from runner.processes import LAUNCH, Trouble, birth_of, command_of, wait_until
from runner.servers import free_port
from tests.runner.conftest import Start

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")


def rows(running: Services) -> list[int]:
    with psycopg.connect(running.database_url) as connection:
        return [row[0] for row in connection.execute("SELECT n FROM kept ORDER BY n").fetchall()]


def keep_row(running: Services, number: int) -> None:
    with psycopg.connect(running.database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [number])


def test_committed_rows_survive_kill_9_of_postgres(both: Services) -> None:
    keep_row(both, 1)

    both.postgres.kill()
    assert not both.postgres.running()
    both.postgres.start()

    assert rows(both) == [1]


def test_postgres_starts_though_its_pid_file_names_a_living_stranger(both: Services) -> None:
    both.postgres.kill()
    file = both.postgres.data / "postmaster.pid"
    file.write_text("\n".join([str(os.getpid()), *file.read_text().splitlines()[1:]]) + "\n")

    both.postgres.start()

    assert both.postgres.ready()
    assert file.read_text().split()[0] != str(os.getpid())


def test_postgres_starts_though_its_pid_file_is_empty(both: Services) -> None:
    both.postgres.stop()
    (both.postgres.data / "postmaster.pid").write_text("")

    both.postgres.start()

    assert both.postgres.ready()


def test_a_postgres_that_still_runs_in_the_folder_is_asked_to_stop_first(both: Services) -> None:
    old = both.postgres
    assert old.process is not None
    again = Postgres(old.data, port=free_port(), password=old.password, log=old.log)

    again.start()

    assert birth_of(old.process.pid) is None
    assert again.ready()
    again.stop()


def test_a_frozen_postgres_answers_nothing_until_it_thaws(both: Services) -> None:
    both.postgres.freeze()
    assert not both.postgres.ready()

    both.postgres.thaw()

    assert both.postgres.ready()


def test_postgres_wants_the_password_and_has_no_socket_file(both: Services) -> None:
    wrong = both.database_url.replace(both.postgres.password, "wrong")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong, connect_timeout=5)
    with psycopg.connect(both.database_url) as connection:
        shown = connection.execute("SHOW unix_socket_directories").fetchone()

    assert shown == ("",)


def test_data_of_another_major_version_are_refused_with_a_sentence(both: Services) -> None:
    both.postgres.stop()
    version = both.postgres.data / "PG_VERSION"
    real = version.read_text()
    version.write_text("17\n")
    try:
        with pytest.raises(Trouble, match="was made by PostgreSQL 17"):
            both.postgres.start()
    finally:
        version.write_text(real)


def test_an_interrupted_initdb_is_begun_anew(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "half").mkdir()
    (folder / "half" / "made").touch()

    with services(tmp_path, durable=False, broker=False, external=False) as running:
        assert running.postgres.ready()


def test_messages_survive_kill_9_of_the_broker_and_not_a_wipe(both: Services) -> None:
    assert both.broker.ask("SET", "kept", "1") == "+OK"

    both.broker.kill()
    both.broker.start()
    assert both.broker.ask("DBSIZE") == ":1"

    both.broker.wipe()
    assert both.broker.ask("DBSIZE") == ":0"


def test_the_broker_wants_its_password_which_stands_on_no_command_line(both: Services) -> None:
    assert both.broker.process is not None
    assert both.broker.password not in " ".join(command_of(both.broker.process.pid))

    both.broker.password, right = "wrong", both.broker.password
    refused = both.broker.ask("PING")
    both.broker.password = right

    assert refused is not None
    assert refused.startswith("-NOAUTH")


def test_the_running_servers_lie_in_the_environment(both: Services) -> None:
    """Otherwise these tests prove something about the machine and nothing about the pinned packages."""
    for server in (both.postgres, both.broker):
        assert server.process is not None
        program = Path(f"/proc/{server.process.pid}/exe")
        if not program.exists():
            pytest.skip("this system does not tell which program a process runs")
        assert program.resolve().is_relative_to(Path(sys.prefix).resolve())


def test_ci_refuses_a_server_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(sys, "prefix", "/nowhere")

    with pytest.raises(Trouble, match="does not lie in the environment"):
        binaries.find_postgres()


def test_a_postgres_older_than_17_is_named_and_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "postgres"
    old.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 15.9 (Debian)'\n")
    old.chmod(0o755)
    (tmp_path / "initdb").touch()
    monkeypatch.setattr(binaries, "_package_folder", lambda name: None)
    monkeypatch.setattr(binaries, "HIDDEN_FOLDERS", ())
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(Trouble, match=r"15\.9 at .*set DATABASE_URL"):
        binaries.find_postgres()


def test_a_database_url_that_answers_is_used_and_its_version_known(both: Services) -> None:
    assert int(check_database(both.database_url).split(".")[0]) >= binaries.POSTGRES_FLOOR


def test_a_database_url_that_does_not_answer_is_said_so() -> None:
    with pytest.raises(Trouble, match="DATABASE_URL does not answer"):
        check_database(f"postgresql://nobody@127.0.0.1:{free_port()}/none", patience_s=0)


@AS_ROOT
@pytest.mark.parametrize("root_as", ["userns", "nobody"])
def test_root_starts_below_a_folder_only_root_may_enter(tmp_path: Path, root_as: str) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    with services(closed / "var", durable=False, broker=False, external=False, root_as=root_as) as running:
        assert running.postgres.ready()
        data = running.postgres.data

    assert closed.stat().st_mode & 0o777 == 0o700, "no parent of the data may be opened up"
    assert data.stat().st_mode & 0o077 == 0
    if not data.is_relative_to(tmp_path):
        shutil.rmtree(data.parent)


@AS_ROOT
def test_root_without_namespaces_copies_programs_that_nobody_cannot_reach(tmp_path: Path) -> None:
    nobody = identity.choose_identity("nobody")
    found = binaries.find_postgres().path
    closed = tmp_path / "closed"
    for part in (found.parents[2], found.parents[2].with_name(f"{found.parents[2].name}.libs")):
        if part.exists():
            shutil.copytree(part, closed / part.name, symlinks=True)
    closed.chmod(0o700)
    program = closed / found.relative_to(found.parents[3])
    assert not nobody.may("-x", program)

    copy = identity.reachable_program(program, nobody)

    try:
        assert nobody.run([str(copy), "--version"]) == 0
        assert nobody.run([str(copy.with_name("initdb")), "--version"]) == 0
    finally:
        shutil.rmtree(copy.parents[3])


def test_an_ordinary_user_starts_both_and_they_end_with_him_killed(tmp_path: Path, start: Start) -> None:
    """As root this runs in a user namespace, where we are an ordinary user who cannot become another."""
    if os.geteuid() == 0 and identity.choose_identity().name != "userns":
        pytest.skip("root here, and user namespaces are refused: there is no ordinary user to be")
    become = (sys.executable, "-I", "-S", LAUNCH, "0", "0", "userns") if os.geteuid() == 0 else ()
    program = (
        "import os, time, sys\n"
        "from pathlib import Path\n"
        "from runner.embedded import services\n"
        "with services(Path(sys.argv[1]), durable=False, external=False) as running:\n"
        "    pids = [server.process.pid for server in (running.postgres, running.broker)]\n"
        "    print(os.geteuid(), running.postgres.identity.name, *pids, flush=True)\n"
        "    time.sleep(60)\n"
    )

    user = start("-c", program, str(tmp_path / "var"), prefix=become)
    assert user.stdout is not None
    uid, identity_name, postgres, broker = user.stdout.readline().split()
    user.kill()

    assert uid != "0"
    assert identity_name == "same"
    gone = wait_until(lambda: not any(birth_of(int(pid)) for pid in (postgres, broker)), timeout_s=20)
    assert gone, "a server outlived the process that started it"


def test_keys_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    first = keys.load(tmp_path / "secrets.json")

    assert keys.load(tmp_path / "secrets.json") == first
    assert set(first) == set(keys.RECIPES)
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
