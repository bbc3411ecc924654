"""The collector rests while a batch is made, and works again whatever became of it."""

from __future__ import annotations

import gc

import pytest

from inventory_sync.support.garbage import uncollected


def test_the_collector_rests_inside_the_block_and_works_again_after_it() -> None:
    assert gc.isenabled()
    with uncollected(), uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_works_again_after_a_block_that_fails() -> None:
    with pytest.raises(ValueError, match="a batch"), uncollected():
        raise ValueError("a batch")
    assert gc.isenabled()


def test_whoever_switched_it_off_finds_it_off() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
