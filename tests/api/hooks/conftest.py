"""What the tests of this room share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sessions import end_other_sessions


@pytest.fixture
def lone_session(transactional_db: None) -> Iterator[None]:
    """A committed database, and no session of a thread left in it afterwards."""
    yield
    end_other_sessions()
