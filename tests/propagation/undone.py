"""Play on a world and take it back: rows by a savepoint, the rest by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.db import transaction

from tests.propagation.mirror_books import Books
from tests.propagation.mirror_world import World


class _Undone(Exception):
    pass


@contextmanager
def undone(world: World, *, lines: int) -> Iterator[None]:
    """Give the world new books and batches of so many lines; all of it is taken back at the end."""
    ports, now, sequence = world.hub.ports, world.hub.clock.now, world.hub.sequence
    world.books = Books()
    world.hub.ports = replace(ports, limits=replace(ports.limits, mirror_lines=lines))
    try:
        with transaction.atomic():
            yield
            raise _Undone
    except _Undone:
        pass
    finally:
        world.hub.ports, world.hub.clock.now, world.hub.sequence = ports, now, sequence
