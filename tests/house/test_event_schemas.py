"""The catalogue of events: each type has a schema, an example it accepts and one it refuses, and a row."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from inventory_sync.domain.events import catalogue
from inventory_sync.domain.events.types import EventType
from tests.house.source import ROOT, assert_none
from tests.house.test_docs import documented

SCHEMAS = catalogue.schemas()
REFUSED: Mapping[str, Any] = json.loads((ROOT / "tests/domain/refused_events.json").read_text("utf-8"))


def validator(document: Mapping[str, Any]) -> Draft202012Validator:
    """Check with nothing but the bundle, as a consumer has it."""
    return Draft202012Validator(document, registry=Registry[Any]())


def with_files() -> Registry[Any]:
    files = catalogue.every_file().values()
    return Registry[Any]().with_resources([(one.urn, Resource.from_contents(one.document)) for one in files])


def paths(schema: catalogue.Schema, event: Any) -> set[tuple[Any, ...]]:
    """Return where the event is refused, the deepest places only."""
    found = validator(catalogue.bundled(schema)).iter_errors(event)
    deepest = {tuple(leaf.absolute_path) for error in found for leaf in (error, *(error.context or ()))}
    return {path for path in deepest if not any(path == other[: len(path)] for other in deepest - {path})}


def put(event: Any, path: list[Any], value: Any) -> Any:
    changed = copy.deepcopy(event)
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


def test_every_type_has_a_schema_and_a_row_and_nothing_else_has():
    types = {str(each) for each in EventType}
    rows = documented("docs/events.md")

    assert {schema.name for schema in SCHEMAS} == types
    assert_none(f"docs/events.md: {name} has no row." for name in types - rows)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: f"{schema.name}:{schema.version}")
def test_a_schema_accepts_its_example_and_names_itself(schema: catalogue.Schema):
    Draft202012Validator.check_schema(schema.document)

    assert schema.urn == f"urn:inventory-sync:event:{schema.name}:{schema.version}"
    assert (schema.example["type"], schema.example["dataschema"]) == (schema.name, schema.urn)
    assert paths(schema, schema.example) == set()
    assert (
        list(Draft202012Validator(schema.document, registry=with_files()).iter_errors(schema.example)) == []
    )


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: f"{schema.name}:{schema.version}")
def test_a_schema_refuses_a_wrong_event_at_the_place_that_is_wrong(schema: catalogue.Schema):
    wrong = REFUSED[schema.name]

    assert paths(schema, put(schema.example, wrong["path"], wrong["value"])) == {tuple(wrong["path"])}


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: f"{schema.name}:{schema.version}")
def test_a_schema_refuses_what_it_does_not_know_and_misses_what_it_needs(schema: catalogue.Schema):
    foreign = put(schema.example, ["data", "colour"], "blue")
    needed = schema.document["properties"]["data"]["required"]

    assert paths(schema, foreign) == {("data",)}
    for name in needed:
        less = copy.deepcopy(dict(schema.example))
        less["data"].pop(name)
        assert paths(schema, less) == {("data",)}, name
    assert paths(schema, {**schema.example, "data": None}) == {("data",)}


def test_a_published_version_is_never_edited():
    there = {f"{one.name}.v{one.version}.json": one.digest for one in catalogue.every_file().values()}
    known = catalogue.published()

    assert_none(
        f"{name} was published and is another now. Put it back and write the next version."
        for name, digest in known.items()
        if there.get(name) != digest
    )
    assert_none(
        f'{name} is not listed. Add "{name}": "{there[name]}" to domain/events/published.json.'
        for name in there.keys() - known.keys()
    )
