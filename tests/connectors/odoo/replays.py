"""A client whose network is a script: recorded answers, or answers made up for the case."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from connectors.base.http import dump_json
from connectors.odoo.client import OdooClient
from connectors.odoo.config import OdooConfig
from connectors.odoo.learnt import Learnt
from inventory_sync.domain.config import build
from inventory_sync.domain.ports import Exchange, Outside
from tests.connectors.odoo.recordings import TRANSPORT, recording

VALUES: Mapping[str, Any] = {
    "base_url": "https://odoo.example.test",
    "database": "books",
    "login": "syncbot",
    "api_key": "1111111111aaaaaaaaaa1111111111aaaaaaaaaa",
    "next_api_key": "2222222222bbbbbbbbbb2222222222bbbbbbbbbb",
    "company_id": 1,
}
Script = Callable[[httpx.Request], httpx.Response]


def config(**changes: Any) -> OdooConfig:
    return build(OdooConfig, {**VALUES, **changes})


def replaying(
    script: Script, *, notes: list[Exchange] | None = None, learnt: Learnt | None = None, **changes: Any
) -> OdooClient:
    return OdooClient(
        config(**{"base_url": "https://127.0.0.1", **changes}),
        connection="odoo",
        outside=Outside(private_hosts=("127.0.0.1",), on_exchange=None if notes is None else notes.append),
        transport=httpx.MockTransport(lambda request: unread(script(request))),
        learnt=learnt,
    )


def unread(response: httpx.Response) -> httpx.Response:
    """Return the answer as it comes off a network: still to be streamed."""
    stream = httpx.ByteStream(response.content)
    return httpx.Response(response.status_code, headers=response.headers, stream=stream)


def recorded(version: int, scene: str) -> httpx.Response:
    """Return a recorded answer as it came, by its name without the transport."""
    found = recording(version, f"{TRANSPORT[version]}-{scene}")
    content = found.answer.encode() if isinstance(found.answer, str) else dump_json(found.answer)
    headers = {n: v for n, v in found.headers.items() if n.lower() not in ("content-length", "connection")}
    return httpx.Response(found.status, headers=headers, content=content)


def result(version: int, value: Any) -> httpx.Response:
    """Return a made-up answer as this version shapes it."""
    return httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": value} if version < 19 else value)


def body(request: httpx.Request) -> Any:
    return json.loads(request.content)


def called(request: httpx.Request) -> str:
    """Return what a request asks for: service.method, or model.method of either protocol."""
    if "/json/2/" in request.url.path:
        return ".".join(request.url.path.rsplit("/", 2)[1:])
    params = body(request)["params"]
    if params["service"] == "object":
        return f"{params['args'][3]}.{params['args'][4]}"
    return f"{params['service']}.{params['method']}"


def named(request: httpx.Request) -> dict[str, Any]:
    """Return the arguments by name; on JSON-RPC the positional ones are under their place."""
    if "/json/2/" in request.url.path:
        return dict(body(request))
    arguments = body(request)["params"]["args"]
    return {**arguments[6], "positional": arguments[5]}


def answering(version: int, answers: Mapping[str, Any]) -> Script:
    """Return a script that knows its version and user, and one answer (or script) per model.method."""

    def script(request: httpx.Request) -> httpx.Response:
        what = called(request)
        if what == "common.version":
            return httpx.Response(
                200, json={"jsonrpc": "2.0", "id": 1, "result": {"server_serie": f"{version}.0"}}
            )
        if what == "common.authenticate":
            return result(version, 6)
        answer = answers[what]
        if callable(answer):
            answer = answer(request)
        return answer if isinstance(answer, httpx.Response) else result(version, answer)

    return script
