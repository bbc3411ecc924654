"""The seeded bugs must stay seedable; whether they are caught is told by python -m tests.mutants."""

from __future__ import annotations

import ast

import pytest

from tests.mutants.__main__ import ROOT
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_seeded_bug_still_fits_its_file_and_leaves_it_readable(mutant: Mutant) -> None:
    text = (ROOT / mutant.path).read_text()

    assert text.count(mutant.before) == 1
    ast.parse(text.replace(mutant.before, mutant.after))


def test_names_are_unique_and_every_bug_names_who_must_catch_it() -> None:
    names = [mutant.name for mutant in MUTANTS]

    assert len(names) == len(set(names)) >= 12
    assert all(mutant.caught_by and mutant.why for mutant in MUTANTS)
    for mutant in MUTANTS:
        for target in mutant.caught_by:
            assert target.startswith("sim:") or (ROOT / target.partition(" -k ")[0]).exists(), target
