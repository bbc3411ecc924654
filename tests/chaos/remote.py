"""A twin in another process, spoken to through its control API. Imports nothing of the platform."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

Doc = dict[str, Any]


class Refused(Exception):
    """The twin said no: not enough stock, an unknown order."""


class Remote:
    """One twin's control API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> Doc:
        return self._call("GET", path, None)

    def post(self, path: str, /, **body: Any) -> Doc:
        return self._call("POST", path, body)

    def inject(self, kind: str, **options: Any) -> None:
        self.post("faults", kind=kind, **options)

    def heal(self, kind: str = "") -> None:
        """Take back the faults of a kind, or all."""
        self._call("DELETE", f"faults?kind={kind}" if kind else "faults", None)

    def _call(self, method: str, path: str, body: Doc | None) -> Doc:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_twin/{path}", data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                found: Doc = json.loads(answer.read())
                return found
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode(errors="replace")
            if error.code in (400, 404, 409):
                raise Refused(said) from error
            raise
