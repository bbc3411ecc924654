"""One bad line never holds its batch, who is late writes nothing, what is not sent keeps its key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from connectors.woocommerce.twin import WooTwin
from inventory_sync.cases.models import Case
from inventory_sync.connections.models import Connection
from inventory_sync.domain.errors import Misconfigured, RateLimited, RemoteRefused
from inventory_sync.domain.ports import LevelWrite, WriteResult
from inventory_sync.propagation.models import Listing
from tests.factories import change
from tests.pipeline.hub import HandClock, Hub
from tests.pipeline.lane import MUG, Between, landed, product, shown

pytestmark = pytest.mark.django_db
NUMBERS = range(201, 210)
BAD = f"product:{NUMBERS[4]}"


@pytest.fixture
def many(hub: Hub, twin: WooTwin) -> Hub:
    """Ten listings are owed a figure."""
    twin.seed({"products": [product(number) for number in NUMBERS]})
    for number in NUMBERS:
        hub.stocked(f"N{number}", 10, f"product:{number}")
    hub.compute()
    return hub


class Choking:
    """A client that cannot bear one listing in a call of a method, whatever else the call carries."""

    def __init__(self, client: Any, method: str, error: Exception, *, alone: bool = True) -> None:
        self._client, self._method, self._error, self._alone = client, method, error, alone
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        return self._choke if name == self._method else getattr(self._client, name)

    def _choke(self, lines: Sequence[Any]) -> Any:
        self.calls += 1
        refs = [line.ref if isinstance(line, LevelWrite) else line for line in lines]
        if any(ref.external_id == BAD for ref in refs):
            raise self._error
        return getattr(self._client, self._method)(lines)


def states() -> dict[str, int]:
    found: dict[str, int] = {}
    for state in Listing.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


@pytest.mark.parametrize("method", ["read_levels", "write_levels"])
def test_a_line_for_which_the_whole_call_is_refused_fails_alone(
    many: Hub, twin: WooTwin, method: str
) -> None:
    many.push(lambda client: Choking(client, method, RemoteRefused("Line 5 is nonsense.")))

    assert states() == {"settled": 9, "failed": 1}
    assert Case.objects.get(subject_kind="listing").subject_id == str(Listing.objects.get(external_id=BAD).pk)


def test_a_call_that_is_refused_again_and_again_is_not_halved_without_end(many: Hub) -> None:
    made: list[Choking] = []

    def refuse_all(client: Any) -> Any:
        class Refusing(Choking):
            def _choke(self, lines: Sequence[Any]) -> Any:
                self.calls += 1
                raise RemoteRefused("No.")

        made.append(Refusing(client, "read_levels", RemoteRefused("")))
        return made[-1]

    many.push(refuse_all)

    assert made[0].calls == 16
    assert states()["owed"] > 0, "those that were not asked are no failures"


@pytest.mark.parametrize("method", ["read_levels", "write_levels"])
def test_a_fault_of_the_connector_is_somebodys_case_and_not_tried_for_ever(
    hub: Hub, clock: HandClock, method: str
) -> None:
    def broken(*_: Any) -> None:
        raise KeyError("stock_quantity")

    class Broken:
        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, name: str) -> Any:
            return broken if name == method else getattr(self._client, name)

    for _ in range(hub.ports.limits.push_max_attempts):
        hub.push(Broken)
        clock.advance(400)

    case = Case.objects.get(subject_kind="listing")
    assert "KeyError" in case.summary
    hub.settle()
    case.refresh_from_db()
    assert case.state == Case.State.RESOLVED


def test_an_answer_for_fewer_lines_than_were_sent_leaves_them_all_in_doubt(many: Hub, twin: WooTwin) -> None:
    class Short:
        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, name: str) -> Any:
            return getattr(self._client, name)

        def write_levels(self, writes: Sequence[LevelWrite]) -> list[WriteResult]:
            return list(self._client.write_levels(writes))[:-1]

    assert "settled" not in many.push(Short)
    assert all(row.unanswered for row in Listing.objects.all())


def test_keys_that_may_read_and_not_write_are_one_case_of_the_connection(many: Hub) -> None:
    class ReadOnlyKey:
        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, name: str) -> Any:
            return getattr(self._client, name)

        def write_levels(self, writes: Sequence[LevelWrite]) -> list[WriteResult]:
            return [WriteResult(one.ref, error=Misconfigured("The key may not write.")) for one in writes]

    many.push(ReadOnlyKey)

    many.shop.refresh_from_db()
    assert many.shop.state == Connection.State.MISCONFIGURED
    assert not Case.objects.filter(subject_kind="listing").exists()


# ── too late ──


def test_who_is_kept_from_writing_until_the_lease_is_over_writes_nothing(
    hub: Hub, twin: WooTwin, clock: HandClock
) -> None:
    lease = hub.ports.limits.push_lease.total_seconds()

    hub.push(lambda client: Between(client, before_write_levels=lambda: clock.advance(lease)))

    assert landed(twin) == []
    hub.settle()
    assert shown(twin) == 10


@pytest.mark.parametrize("mode", ["shadow", "read_only"])
def test_a_write_that_waits_for_its_turn_is_not_made_once_the_connection_is_not_written_to(
    hub: Hub, twin: WooTwin, mode: str
) -> None:
    def close() -> None:
        hub.shop.refresh_from_db()
        change(hub.shop, writing=mode)

    hub.push(lambda client: Between(client, before_write_levels=close))

    assert landed(twin) == []
    assert hub.listing("MUG").unanswered is None


def test_a_repetition_that_was_not_carried_out_keeps_the_key_of_the_first(
    hub: Hub, twin: WooTwin, clock: HandClock
) -> None:
    twin.control.set_stock(MUG, 20)
    twin.faults.inject("timeout_lost", only="write", count=1)
    hub.push()
    first = (hub.listing("MUG").unanswered or {})["write_key"]
    clock.advance(30)
    asked: list[str] = []

    class Throttled:
        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, name: str) -> Any:
            return getattr(self._client, name)

        def write_levels(self, writes: Sequence[LevelWrite]) -> list[WriteResult]:
            asked.extend(write.idempotency_key for write in writes)
            raise RateLimited("Later.", retry_after_s=5)

    hub.push(Throttled)

    assert asked == [first], "it was about to be written again"
    assert (hub.listing("MUG").unanswered or {})["write_key"] == first
