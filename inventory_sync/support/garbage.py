"""Batches that make many objects and no cycles, without the collector walking all of them meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Put the collector off until the end of the block, for the whole process.

    A batch of rows lives until it is written and is freed by its references then; to the collector it looks
    like a heap that grows and is worth walking again and again. Of blocks in several threads the first to end
    switches it on again: the others are slower, nothing else.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
