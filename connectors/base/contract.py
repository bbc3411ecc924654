"""The contract suite: what every connector folder must keep, as a test class.

A connector brings a ContractCase: a config that builds, a way to sign, sample deliveries. The suite holds the
door to Unauthentic, translation to purity and Rejected or Parked, and the client to SyncError, whatever is
thrown at them. Vendor behaviour is tested in the connector's own tests.
"""

from __future__ import annotations

import builtins
import contextlib
import copy
import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.base.hostile import HOSTILITIES, hostile_server
from inventory_sync.domain.config import build, settings_of
from inventory_sync.domain.errors import Misconfigured, Parked, Rejected, SyncError, Unauthentic
from inventory_sync.domain.ports import (
    Capabilities,
    Client,
    Connector,
    Delivery,
    InboundRequest,
    LevelWrite,
    ListingRef,
    Outside,
    Received,
)

FILES = (
    "connector.py", "config.py", "webhooks.py", "translate.py", "client.py", "schemas.py", "twin.py",
    "README.md",
)  # fmt: skip
NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
QUIET = settings(
    max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
)
_SECRET_NAME = re.compile(r"(?!.*_on\Z).*(secret|token|password|(^|_)key($|_))")  # …_on is a date


@dataclass(frozen=True)
class ContractCase:
    """One connector and what the suite needs to try it.

    `sign` returns the lower-case headers of an authentic message with this body. `samples` are real
    deliveries by topic. `twins` are deliveries that differ in a quantity alone.
    """

    connector: Connector
    folder: Path
    values: Mapping[str, Any]
    sign: Callable[[bytes, datetime], Mapping[str, str]]
    samples: Sequence[Delivery]
    twins: tuple[Delivery, Delivery]
    objects: Sequence[tuple[str, str]]
    refs: Sequence[ListingRef]

    def config(self, **changes: Any) -> Any:
        return build(self.connector.config_type, {**self.values, **changes})

    def client(self, base_url: str) -> Client:
        config = self.config(base_url=base_url, allow_insecure=True, timeout_s=5)
        return self.connector.client(config, connection="c", outside=Outside(private_hosts=("127.0.0.1",)))


def json_values() -> st.SearchStrategy[Any]:
    """JSON as an enemy writes it: wrong types, surrogates, huge and odd numbers."""
    odd: list[Any] = [
        "\ud800", "\x00", "9" * 400, "1e999", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "-5",
        "NaN", 10**30, -1, 0, 2**63, 1e300, 1e-300,
    ]  # fmt: skip
    floats = st.floats(allow_nan=False, allow_infinity=False)
    leaves = st.none() | st.booleans() | st.integers() | floats | st.text(max_size=12) | st.sampled_from(odd)

    def around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)

    return st.recursive(leaves, around, max_leaves=8)


class ConnectorContract:
    """Subclass it as `class TestContract(ConnectorContract)` and give it a `case` fixture."""

    # ── the folder ──

    def test_the_folder_has_its_files(self, case: ContractCase) -> None:
        assert [name for name in FILES if not (case.folder / name).is_file()] == []

    def test_the_connector_fits_its_socket(self, case: ContractCase) -> None:
        connector = case.connector

        assert connector.code == case.folder.name
        assert connector.label
        assert isinstance(connector.capabilities, Capabilities)
        assert all(callable(getattr(connector, name)) for name in ("receive", "translate", "client"))

    def test_what_the_vendor_cannot_do_is_said_with_its_source(self, case: ContractCase) -> None:
        capabilities = case.connector.capabilities
        semantics = capabilities.semantics or {}
        absent = [
            name
            for name in ("sells", "reports_stock", "signs", "retries_on_refusal", "compare_and_set")
            if getattr(capabilities, name) is False
        ]

        assert [name for name in absent if name not in semantics] == []
        assert [
            name
            for name, text in semantics.items()
            if text.startswith("Absent") and not re.search(r"https://\S+|README\.md", text)
        ] == []

    def test_streams_named_for_orders_exist(self, case: ContractCase) -> None:
        capabilities = case.connector.capabilities

        assert capabilities.orders_stream in {"", *(stream.name for stream in capabilities.streams)}
        assert bool(capabilities.orders_stream) == capabilities.sells

    # ── settings ──

    def test_settings_build_and_each_missing_one_is_named(self, case: ContractCase) -> None:
        assert case.config() == case.config()
        for declared in settings_of(case.connector.config_type):
            if declared.required:
                with pytest.raises(Misconfigured, match=re.escape(declared.name)):
                    case.config(**{declared.name: ""})

    def test_secrets_are_flagged_and_never_shown(self, case: ContractCase) -> None:
        declared = settings_of(case.connector.config_type)
        secrets = [one.name for one in declared if one.secret]

        assert [one.name for one in declared if _SECRET_NAME.match(one.name) and not one.secret] == []
        assert secrets
        assert [name for name in secrets if str(case.values[name]) in repr(case.config())] == []

    # ── the door ──

    def test_an_authentic_message_is_named_the_same_each_time(self, case: ContractCase) -> None:
        body = case.samples[0].body
        # Who cannot sign comes by an address with a token, which the door has checked.
        token = "" if case.connector.capabilities.signs else "token"
        request = InboundRequest(case.sign(body, NOW), body, path_token=token)
        config = case.config()

        first, second = (case.connector.receive(request, config, now=NOW) for _ in range(2))

        assert isinstance(first, Received)
        assert first == second
        assert first.object_key
        assert first.hint_only or case.connector.capabilities.signs

    def test_an_unsigned_message_is_refused(self, case: ContractCase) -> None:
        with pytest.raises(Unauthentic):
            case.connector.receive(InboundRequest({}, case.samples[0].body), case.config(), now=NOW)

    def test_oversized_garbage_is_refused(self, case: ContractCase) -> None:
        garbage = b"{" * 2_000_000
        headers = case.sign(case.samples[0].body, NOW)

        with pytest.raises(Unauthentic):
            case.connector.receive(InboundRequest(headers, garbage), case.config(), now=NOW)

    def test_any_change_of_one_byte_is_refused(self, case: ContractCase) -> None:
        body = case.samples[0].body
        headers = case.sign(body, NOW)
        config = case.config()

        @QUIET
        @given(st.integers(0, len(body) - 1), st.integers(1, 255))
        def refused(position: int, flip: int) -> None:
            changed = bytearray(body)
            changed[position] ^= flip
            with pytest.raises(Unauthentic):
                case.connector.receive(InboundRequest(headers, bytes(changed)), config, now=NOW)

        refused()

    def test_whatever_headers_come_only_unauthentic_is_raised(self, case: ContractCase) -> None:
        body = case.samples[0].body
        authentic = dict(case.sign(body, NOW))
        config = case.config()

        @QUIET
        @given(st.sampled_from(sorted(authentic)), st.text(max_size=80))
        def refused_or_named(name: str, value: str) -> None:
            with contextlib.suppress(Unauthentic):
                case.connector.receive(InboundRequest({**authentic, name: value}, body), config, now=NOW)

        refused_or_named()

    # ── translation ──

    def test_translation_says_the_same_twice_without_any_io(
        self, case: ContractCase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(socket, "socket", _forbidden)
        monkeypatch.setattr(socket, "create_connection", _forbidden)
        monkeypatch.setattr(socket, "getaddrinfo", _forbidden)
        monkeypatch.setattr(builtins, "open", _forbidden)

        for sample in case.samples:
            assert case.connector.translate(sample) == case.connector.translate(copy.deepcopy(sample))

    def test_event_keys_are_unique_and_blind_to_quantities(self, case: ContractCase) -> None:
        keys = [event.key for sample in case.samples for event in case.connector.translate(sample)]
        one, other = (case.connector.translate(delivery) for delivery in case.twins)

        assert keys
        assert len(keys) == len(set(keys))
        assert one != other
        assert [event.key for event in one] == [event.key for event in other]

    def test_arbitrary_json_is_rejected_or_parked_and_nothing_else(self, case: ContractCase) -> None:
        topics = sorted({sample.topic for sample in case.samples})

        @QUIET
        @given(st.sampled_from(topics), json_values())
        def survives(topic: str, value: Any) -> None:
            _translate_or_reject(case, Delivery(topic, {}, json.dumps(value).encode(), NOW, id=1))

        survives()

    def test_arbitrary_bytes_are_rejected(self, case: ContractCase) -> None:
        topics = sorted({sample.topic for sample in case.samples})

        @QUIET
        @given(
            st.sampled_from(topics),
            st.binary(max_size=60)
            | st.sampled_from([b"[" * 100_000, b'{"id":1e99999999999999999999}', b"NaN", b""]),
        )
        def survives(topic: str, body: bytes) -> None:
            _translate_or_reject(case, Delivery(topic, {}, body, NOW, id=1))

        survives()

    def test_real_deliveries_with_one_part_replaced_are_translated_rejected_or_parked(
        self, case: ContractCase
    ) -> None:
        spots = [
            (number, path)
            for number, sample in enumerate(case.samples)
            for path in _paths(json.loads(sample.body))
        ]

        @settings(QUIET, max_examples=400)
        @given(st.sampled_from(spots), json_values())
        def survives(spot: tuple[int, tuple[Any, ...]], value: Any) -> None:
            sample = case.samples[spot[0]]
            body = json.dumps(_replaced(json.loads(sample.body), spot[1], value)).encode()
            _translate_or_reject(case, replace(sample, body=body))

        survives()

    # ── the client ──

    @pytest.mark.parametrize("manner", sorted(HOSTILITIES))
    def test_a_hostile_server_meets_only_our_errors(self, case: ContractCase, manner: str) -> None:
        with hostile_server(HOSTILITIES[manner]) as base_url:
            client = case.client(base_url)

            for call in _calls(case, client):
                with contextlib.suppress(SyncError):
                    call()

    def test_a_port_nobody_listens_on_meets_only_our_errors(self, case: ContractCase) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        client = case.client(f"http://127.0.0.1:{port}")

        failed = 0
        for call in _calls(case, client):
            try:
                call()
            except SyncError:
                failed += 1

        assert failed > 0

    def test_a_private_address_is_refused_unless_it_was_allowed(self, case: ContractCase) -> None:
        config = case.config(base_url="http://127.0.0.1:9", allow_insecure=True)
        client = case.connector.client(config, connection="c")

        with pytest.raises(Misconfigured, match="not a public address"):
            client.read_object(*case.objects[0])

    def test_write_results_come_in_the_order_asked(self, case: ContractCase) -> None:
        if not case.connector.capabilities.sells:
            pytest.skip("no channel")
        writes = [LevelWrite(ref, Decimal("1.5"), f"k{number}") for number, ref in enumerate(case.refs)]

        results = case.client("http://127.0.0.1:9").write_levels(writes)

        assert [result.ref for result in results] == list(case.refs)
        assert all(isinstance(result.error, Rejected) for result in results)


def _forbidden(*_: Any, **__: Any) -> Any:
    raise AssertionError("translation is pure")


def _translate_or_reject(case: ContractCase, delivery: Delivery) -> None:
    try:
        events = case.connector.translate(delivery)
    except (Rejected, Parked):
        return
    for event in events:
        repr(event).encode()
        assert "\x00" not in event.key
        event.key.encode()


def _calls(case: ContractCase, client: Client) -> Iterator[Callable[[], Any]]:
    writes = [LevelWrite(ref, Decimal(3), f"k{number}") for number, ref in enumerate(case.refs)]
    yield lambda: client.read_levels(case.refs)
    if case.connector.capabilities.sells:
        yield lambda: _ordered(client.write_levels(writes), case.refs)
    for stream in case.connector.capabilities.streams:
        yield lambda name=stream.name: client.sweep(name, "", now=NOW)  # type: ignore[misc]
    for kind, ref in case.objects:
        yield lambda kind=kind, ref=ref: client.read_object(kind, ref)  # type: ignore[misc]
    yield lambda: [listing for listing, _ in zip(client.listings(), range(1000), strict=False)]
    yield lambda: client.heal_hooks(delivery_url="https://hub.example/hooks/c/", secret="s" * 32)
    yield client.probe


def _ordered(results: Sequence[Any], refs: Sequence[ListingRef]) -> None:
    assert [result.ref for result in results] == list(refs)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, inner in entries:
        yield from _paths(inner, (*path, name))


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    value[path[0]] = _replaced(value[path[0]], path[1:], new)
    return value
