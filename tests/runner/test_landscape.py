"""Which parts the platform has, and what must never be seen of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner import keys
from runner.children import Ends
from runner.embedded import External, Services, assemble
from runner.landscape import WORKERS, Landscape, Ports


@pytest.fixture
def landscape(tmp_path: Path) -> Landscape:
    servers = Services(
        External("postgres", "postgresql://u:db-secret@h/d"), External("broker", "redis://:q-secret@h")
    )
    return Landscape(tmp_path, keys.make(), Ports(), servers)


def test_no_secret_stands_on_a_command_line_where_everybody_can_read_it(landscape: Landscape) -> None:
    secrets = [*landscape.keys.values(), "db-secret", "q-secret"]

    for child in (child for stage in landscape.stages() for child in stage):
        shown = " ".join(child.command)
        assert not [secret for secret in secrets if secret in shown], f"{child.name} shows a secret"


def test_only_the_parts_that_need_them_are_told_the_admin_and_flower_passwords(landscape: Landscape) -> None:
    children = [child for stage in landscape.stages() for child in stage]
    told_admin = {c.name for c in children if landscape.keys["ADMIN_PASSWORD"] in c.environment.values()}
    told_flower = {
        c.name
        for c in children
        if any(landscape.keys["FLOWER_PASSWORD"] in v for v in c.environment.values())
    }

    assert told_admin == {"admin"}
    assert told_flower == {"flower"}


def test_the_database_is_migrated_before_anything_reads_it_and_trade_comes_last(landscape: Landscape) -> None:
    order = [{child.name for child in stage} for stage in landscape.stages()]

    assert order.index({"migrate"}) < next(i for i, names in enumerate(order) if "web" in names)
    assert next(i for i, names in enumerate(order) if "load-demo" in names) < next(
        i for i, names in enumerate(order) if "twin-woo" in names
    )
    assert order[-1] == {"trade"}


def test_every_queue_has_a_worker_of_its_own(landscape: Landscape) -> None:
    commands = [child.command for child in landscape.workers()]

    assert [command[command.index("-Q") + 1] for command in commands] == list(WORKERS)
    assert {"critical", "standard", "bulk", "replay"} == set(WORKERS)


def test_without_trade_nothing_else_is_missing(landscape: Landscape) -> None:
    with_trade = [child.name for stage in landscape.stages() for child in stage]
    without = [child.name for stage in landscape.stages(trade=False) for child in stage]

    assert with_trade == [*without, "trade"]


def test_everything_listens_on_loopback_only(landscape: Landscape) -> None:
    for child in (child for stage in landscape.stages() for child in stage):
        assert "0.0.0.0" not in " ".join(child.command)
    assert all(f"127.0.0.1:{port}" in text for port, text in [
        (landscape.ports.web, landscape.hub_url), (landscape.ports.flower, landscape.flower_url),
    ])  # fmt: skip


def test_a_command_alone_needs_neither_twins_nor_web(landscape: Landscape) -> None:
    names = [child.name for stage in landscape.stages_for_a_command(workers=True) for child in stage]

    assert names == ["migrate", "dispatcher", *(f"worker-{queue}" for queue in WORKERS)]


def test_steps_end_and_services_do_not(landscape: Landscape) -> None:
    steps = {child.name for stage in landscape.stages() for child in stage if isinstance(child.ready, Ends)}

    assert steps == {"demo-data", "migrate", "admin", "load-demo"}


def test_a_second_start_skips_what_is_done_until_code_ports_or_data_change(tmp_path: Path) -> None:
    secrets = keys.make()
    servers = assemble(tmp_path, secrets=secrets, external=False)
    landscape = Landscape(tmp_path, secrets, Ports(), servers)
    Path(landscape.demo_file).write_text("{}")

    def names(one: Landscape) -> set[str]:
        return {child.name for stage in one.stages() for child in stage}

    assert "migrate" in names(landscape)
    landscape.note_prepared()
    assert not {"migrate", "admin", "load-demo", "demo-data"} & names(landscape)
    assert {"postgres", "valkey", "web"} <= names(landscape)
    assert "migrate" in names(Landscape(tmp_path, secrets, Ports(web=8001), servers))

    servers.postgres.wipe_folder()
    assert "migrate" in names(landscape)
