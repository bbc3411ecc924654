"""The twin answers every recorded request as the real server did: status, headers, shape, types and words."""

from __future__ import annotations

import json

import pytest

from connectors.base.twinkit import Response
from tests.connectors.odoo import scenes_trade  # noqa: F401 (its scenes are listed by being imported)
from tests.connectors.odoo.recordings import PAYLOADS, Recording, differences, names, recording, xmlrpc_answer
from tests.connectors.odoo.scenes import EMPTY, SCENES
from tests.connectors.odoo.stage import Stage

EXCHANGES = [(version, name) for version in (18, 19) for name in names(version) if "webhook" not in name]
HEADERS = ("Content-Type", "WWW-Authenticate", "Connection")
# Texts that only the recorded server's data or machine decide, by scene.
DATA = {
    "authenticate-unknown-db": frozenset({"message", "arguments"}),  # names the machine's own database server
    "version": frozenset({"server_version", "server_serie"}),
    "webread-open-moves-with-quants": frozenset({"name", "origin", "state"}),
    "list-locations": frozenset({"name", "complete_name", "barcode", "parent_path"}),
}

# Scenes with the quantities of the recorded server; its phantom reservation of 500 nobody can furnish.
FIGURES = {
    "return-2-read-lines", "internal-5-move-lines", "read-quants-reserved", "find-adjustment-by-reference",
    "scrap-insufficient-returns-wizard", "poll-move-lines-by-write-date", "so-3-read",
}  # fmt: skip
FIGURES_19 = {"read-product-quantities", "read-quants-grouped"}


def play(recorded: Recording) -> Response:
    stage = Stage(recorded.version)
    given = {} if recorded.scene in EMPTY else SCENES[recorded.scene](stage)
    return stage.play(recorded, given)


@pytest.mark.parametrize(("version", "name"), EXCHANGES, ids=[f"{v}-{n}" for v, n in EXCHANGES])
def test_a_recorded_exchange_is_answered_as_the_server_did(version: int, name: str) -> None:
    recorded = recording(version, name)

    response = play(recorded)

    assert response.status == recorded.status
    found = {key.lower(): value for key, value in response.headers}
    assert {one: found.get(one.lower()) for one in HEADERS} == {
        one: recorded.headers.get(one) for one in HEADERS
    }
    if recorded.transport == "xmlrpc":
        assert xmlrpc_answer(response.body.decode()) == xmlrpc_answer(recorded.answer)
        return
    answer = response.body.decode() if isinstance(recorded.answer, str) else json.loads(response.body)
    figures = recorded.scene in FIGURES or (version == 19 and recorded.scene in FIGURES_19)
    data = DATA.get(recorded.scene, frozenset())
    assert differences(recorded.answer, answer, data=data, figures=figures) == []


def test_a_scene_waits_for_every_recording_and_none_for_nothing() -> None:
    scenes = {recording(version, name).scene for version, name in EXCHANGES}

    assert scenes == SCENES.keys() | EMPTY
    assert not SCENES.keys() & EMPTY


def test_the_recordings_say_where_they_were_captured() -> None:
    readme = (PAYLOADS / "README.md").read_text(encoding="utf-8")

    assert "18.0" in readme
    assert "19.0" in readme
