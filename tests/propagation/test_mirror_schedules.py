"""Whatever dies whenever: the copy is what moved, each movement once.

A schedule is a list of acts, drawn anew in every run: the till reports, workers take turns, requests are lost
before or after they were carried out or land late, items become unbookable and bookable again, a worker is
killed at any of its steps, and another takes over while the first still has a call under way. The books are
kept by themselves (mirror_books.py); in the end they must show exactly what moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory_sync.connections import registry, writers
from inventory_sync.pipeline import mirror as step
from inventory_sync.propagation import mirror_acts
from inventory_sync.propagation import mirror_documents as documents
from inventory_sync.propagation.models import MirrorDocument
from tests.propagation.mirror_books import LIFE_S
from tests.propagation.mirror_world import World, open_world
from tests.propagation.undone import undone

pytestmark = pytest.mark.django_db
SKUS = ("MUG", "CUP", "BOWL")
FAULTS = ("lost", "half", "draft", "late", "never", "unavailable", "read fails")


class Killed(BaseException):
    """The worker ends here, without a chance to say goodbye."""


# Where a worker may be killed: before or after the named function of the step did its work.
STEPS = [
    (module, name, after)
    for module, name in (
        (step, "_cut"),
        (documents, "mark_sent"),
        (step, "_read_refused"),
        (documents, "settle"),
        (writers, "check"),
    )
    for after in (False, True)
]
CALLS = [(name, after) for name in ("read_documents", "book_documents") for after in (False, True)]


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, *, after: bool) -> Iterator[None]:
    """Have whoever comes to this function end there; its lease is not given back."""
    real: Callable[..., Any] = getattr(place, name)

    def dying(*args: Any, **kwargs: Any) -> Any:
        if after:
            real(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(place, name, dying)
        patched.setattr(writers, "release", lambda writer: None)
        yield


ACTS = st.one_of(
    st.tuples(
        st.just("moves"),
        st.sampled_from(("sale", "return", "adjustment", "count")),
        st.sampled_from(SKUS),
        st.integers(1, 4),
    ),
    st.tuples(st.just("turn")),
    st.tuples(st.just("fault"), st.sampled_from(FAULTS)),
    st.tuples(st.just("refuse"), st.sampled_from(SKUS)),
    st.tuples(st.just("allow"), st.sampled_from(SKUS)),
    st.tuples(st.just("drafts"), st.booleans()),
    st.tuples(st.just("killed"), st.sampled_from(range(len(STEPS) + len(CALLS)))),
    st.tuples(st.just("overtaken"), st.sampled_from(("", *FAULTS[:-1]))),
    st.tuples(st.just("lands")),
    st.tuples(st.just("waits"), st.sampled_from((1, 20, LIFE_S + 15))),
    st.tuples(st.just("unmarked")),
)


@pytest.fixture
def world(settings: LazySettings) -> World:
    settings.CONNECTORS = {**settings.CONNECTORS, "books": "tests.propagation.mirror_books"}
    registry.connector.cache_clear()
    world = open_world()
    for sku in SKUS:
        world.item(sku, stock=100)
    world.declare()
    return world


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_copy_is_what_moved_whatever_dies_whenever(data: st.DataObject, world: World) -> None:
    acts = data.draw(st.lists(ACTS, min_size=4, max_size=22))
    lines = data.draw(st.sampled_from((1, 2, 100)))

    with undone(world, lines=lines), pytest.MonkeyPatch.context() as monkeypatch:
        for act in acts:
            play(world, act, monkeypatch)
        come_to_rest(world)

        assert world.differing() == {}
        assert world.sums_hold()
        assert set(world.states()) <= {"booked", "split"}


def play(world: World, act: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    match act:
        case ("moves", kind, sku, quantity):
            signed = -quantity if kind == "adjustment" and quantity % 2 else quantity
            world.till(kind, (sku, str(90 + quantity if kind == "count" else signed)))
        case ("turn",):
            world.mirror()
        case ("fault", fault):
            world.books.faults = [fault]
        case ("refuse", sku):
            world.books.refuses.add(f"product:{sku}")
        case ("allow", sku):
            world.books.refuses.discard(f"product:{sku}")
        case ("drafts", leaves):
            world.books.leaves_drafts = leaves
        case ("killed", number):
            be_killed(world, number, monkeypatch)
        case ("overtaken", fault):
            be_overtaken(world, fault)
        case ("lands",):
            world.books.land()
        case ("waits", seconds):
            wait(world, seconds)
        case ("unmarked",):
            world.forget_marks()


def be_killed(world: World, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[tuple[Any, str, bool]] = [*STEPS, *((world.books, *call) for call in CALLS)]
    place, name, after = places[number]
    with killed_at(monkeypatch, place, name, after=after):
        try:
            world.mirror()
        except Killed:
            return


def be_overtaken(world: World, fault: str) -> None:
    """A call takes longer than its worker's lease: another one comes and does all it can meanwhile."""

    def meanwhile() -> None:
        world.hub.clock.advance(LIFE_S + 1)
        world.mirror()

    world.books.faults = [fault] if fault else []
    world.books.meanwhile = meanwhile
    world.mirror()
    world.books.meanwhile = None


def wait(world: World, seconds: int) -> None:
    """Let time pass; what is on its way has landed when its longest life is over."""
    if seconds >= LIFE_S:
        world.books.land()
    world.hub.clock.advance(seconds)


def come_to_rest(world: World) -> None:
    """Everything works again, staff try again what was refused, and time passes."""
    world.books.faults, world.books.refuses, world.books.leaves_drafts = [], set(), False
    for _ in range(12):
        wait(world, LIFE_S + 15)
        refused = list(MirrorDocument.objects.filter(state="refused").values_list("pk", flat=True))
        mirror_acts.retry(refused, actor="tests", reason="put right", now=world.hub.clock())
        world.hub.clock.advance(3601)  # long enough for all levels to be compared
        world.mirror()
        open_or_refused = ("owed", "unknown", "refused")
        if not MirrorDocument.objects.filter(state__in=open_or_refused).exists() and not world.differing():
            return


def test_a_schedule_without_any_fault_books_each_line_in_one_call(world: World) -> None:
    world.till("sale", *((sku, "2") for sku in SKUS))

    world.mirror()

    assert [call for call in world.books.calls if call[0] == "book"] == [("book", 3)]
    assert {world.copied(item) for item in world.items} == {Decimal(-2)}
